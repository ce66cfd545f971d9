//! Files of the person's that hold a text, read in bounded time and to a bounded length: a pipe in a file's place must
//! not be waited for, and a device has no end.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use zeroize::Zeroizing;

/// The whole text of a file of at most this many bytes.
///
/// # Errors
/// There is none, it is longer, it is no text, or it is no regular file.
pub fn read(path: &Path, most: u64) -> io::Result<Zeroizing<String>> {
    let (file, length) = open_up_to(path, most)?;
    // Growing would leave copies of a secret behind in freed memory.
    let mut text = Zeroizing::new(String::with_capacity(length + 1));
    file.take(most + 1).read_to_string(&mut text)?;
    if text.len() as u64 > most { Err(too_long()) } else { Ok(text) }
}

/// The same of a file that may be in any encoding, or no text at all.
///
/// # Errors
/// There is none, it is longer, or it is no regular file.
pub fn read_bytes(path: &Path, most: u64) -> io::Result<Zeroizing<Vec<u8>>> {
    let (file, length) = open_up_to(path, most)?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(length + 1));
    file.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most { Err(too_long()) } else { Ok(bytes) }
}

fn open_up_to(path: &Path, most: u64) -> io::Result<(File, usize)> {
    let file = open(path)?;
    let length = file.metadata()?.len();
    if length > most { Err(too_long()) } else { Ok((file, usize::try_from(length).unwrap_or_default())) }
}

fn too_long() -> io::Error {
    io::Error::other("it is too long")
}

fn open(path: &Path) -> io::Result<File> {
    let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is no regular file")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_whole_or_not_at_all() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("text");
        std::fs::write(&path, "four").expect("a file");
        assert_eq!(read(&path, 4).expect("a text").as_str(), "four");
        assert_eq!(read(&path, 3).map_err(|error| error.to_string()), Err("it is too long".to_owned()));
        assert_eq!(read(&folder.path().join("none"), 4).map_err(|error| error.kind()), Err(io::ErrorKind::NotFound));
        for other in ["/dev/zero", "/"] {
            let told = read(Path::new(other), 4).map_err(|error| error.to_string());
            assert_eq!(told, Err("it is no regular file".to_owned()), "{other}");
        }
    }
}
