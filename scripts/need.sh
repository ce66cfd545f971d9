#!/bin/sh
# Makes sure that programs and files are there: need.sh PROGRAM:PACKAGE... /FILE:PACKAGE... | --python-venv
# What is missing is installed with apt-get, by root or through sudo. Where that is impossible, it is named, and this
# fails: a test that cannot run must not look like one that passed.
set -eu

has() {
    case $1 in
        --python-venv) python3 -c 'import ensurepip, venv' 2>/dev/null ;;
        /*) [ -e "${1%:*}" ] ;;
        *) command -v "${1%:*}" >/dev/null ;;
    esac
}

package_of() {
    case $1 in
        --python-venv) echo python3-venv ;;
        *) echo "${1##*:}" ;;
    esac
}

missing=
for wanted in "$@"; do
    has "$wanted" || missing="$missing $(package_of "$wanted")"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then
    as_root=
elif command -v sudo >/dev/null; then
    as_root=sudo
else
    as_root=none
fi
if [ "$as_root" = none ] || ! command -v apt-get >/dev/null; then
    echo "these are missing, and need apt-get and root or sudo to be installed from here:$missing" >&2
    exit 1
fi

export DEBIAN_FRONTEND=noninteractive
echo "installing:$missing"
# Words on purpose: a command of one or no word, and a list of packages.
# shellcheck disable=SC2086
{
    $as_root apt-get -qq update
    $as_root apt-get -qq install --yes --no-install-recommends $missing >/dev/null
}

for wanted in "$@"; do
    has "$wanted" || { echo "${wanted%:*} is still missing, though $(package_of "$wanted") is installed" >&2; exit 1; }
done
