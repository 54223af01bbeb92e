# shellcheck shell=bash
# What every script in ops/ needs. Sourced, never run: moves to the checkout's root, so that the
# scripts work from any directory, and finds the Swift toolchain.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Says what is wrong and what to do about it, then ends the script.
fail() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

note() { printf '== %s\n' "$*"; }

# Prints the comment that opens the calling script: it is the script's --help.
usage() { sed -n '2,/^[^#]/ { /^#/!q; s/^# \{0,1\}//; p }' "$0"; }

# Puts `swift` on PATH when it is not there: from SWIFT_HOME, or from where Docker images and the
# installation guide put it.
find_swift() {
  local folder
  for folder in "" ${SWIFT_HOME:+"$SWIFT_HOME/usr/bin" "$SWIFT_HOME/bin"} /opt/swift/usr/bin; do
    if [[ -z $folder ]]; then
      if command -v swift >/dev/null; then return; fi
    elif [[ -x $folder/swift ]]; then
      PATH=$folder:$PATH
      return
    fi
  done
  fail "no Swift toolchain found. Unpack Swift 6.3 or later for this system and put its usr/bin" \
    "on PATH, or set SWIFT_HOME to the folder that holds usr/bin/swift."
}

# Runs a command as root: directly, or through sudo.
as_root() {
  if ((EUID == 0)); then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    fail "this needs root and there is no sudo. Run as root: $*"
  fi
}

# Installs those of the named Debian packages that are missing.
need_packages() {
  local package missing=()
  if ! command -v apt-get >/dev/null; then
    note "this is not a Debian system; what these packages hold must be there: $*"
    return
  fi
  for package; do
    [[ $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) == installed ]] ||
      missing+=("$package")
  done
  ((${#missing[@]} > 0)) || return 0
  note "installing ${missing[*]}"
  # shellcheck disable=SC2016  # the inner shell expands it
  as_root env DEBIAN_FRONTEND=noninteractive bash -c '
    set -e
    # Services that come with a package (Redis) stay stopped: tests start their own.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e $policy ]; then
      trap "rm -f $policy" EXIT
      printf "#!/bin/sh\nexit 101\n" > $policy && chmod +x $policy
    fi
    apt-get update -q && apt-get install -y -q --no-install-recommends "$@"
  ' install "${missing[@]}" </dev/null ||
    fail "apt-get could not install ${missing[*]}; its own message is above"
}
