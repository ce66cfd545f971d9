//! Whether there is anybody, and anything, to show a window to.

use std::fs;

use super::Context;

impl Context {
    /// Whether somebody sits at another machine (ssh(1), "ENVIRONMENT").
    pub fn is_over_ssh(&self) -> bool {
        ["SSH_CONNECTION", "SSH_TTY"].iter().any(|name| self.variable(name).is_some())
    }

    /// Whether this is Linux inside Windows.
    pub fn is_wsl(&self) -> bool {
        let says_so = |kernel: String| kernel.to_ascii_lowercase().contains("microsoft");
        self.variable("WSL_DISTRO_NAME").is_some() || fs::read_to_string("/proc/version").is_ok_and(says_so)
    }

    /// Whether there is a display for windows, X11's or Wayland's.
    pub fn has_display(&self) -> bool {
        ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| self.variable(name).is_some())
    }
}
