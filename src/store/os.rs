//! Everything that depends on the operating system: modes, inodes, process ids, file locks.
//!
//! The other modules of this floor ask here, so that another system needs one file only.
//! It knows nothing of DVC.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::model::Usage;

/// What tells one state of a file from another without reading it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Stamp {
    /// Device.
    pub dev: u64,
    /// Inode.
    pub ino: u64,
    /// Time of the last change of content, nanoseconds since 1970.
    pub mtime: i128,
    /// Bytes.
    pub size: u64,
}

impl Stamp {
    /// From what the system says of a file.
    pub fn of(meta: &Metadata) -> Self {
        let mtime = i128::from(meta.mtime()) * 1_000_000_000 + i128::from(meta.mtime_nsec());
        Self { dev: meta.dev(), ino: meta.ino(), mtime, size: meta.size() }
    }

    /// Of what a path leads to; none if there is nothing.
    pub fn at(path: &Path) -> Option<Self> {
        fs::metadata(path).ok().map(|meta| Self::of(&meta))
    }
}

/// Where a path leads, from the root on, with all links followed that are there; its end may be missing.
pub fn resolved(path: &Path) -> PathBuf {
    let parent = path.parent().map(|parent| if parent.as_os_str().is_empty() { Path::new(".") } else { parent });
    fs::canonicalize(path)
        .or_else(|_| Ok(fs::canonicalize(parent.unwrap_or(path))?.join(path.file_name().unwrap_or_default())))
        .or_else(|_: io::Error| std::path::absolute(path))
        .unwrap_or_else(|_| path.to_path_buf())
}

/// Opens a file, and waits for nobody at the other end of it if it is a pipe. What is read and written then does not wait either.
///
/// # Errors
/// It cannot be opened, or nobody reads from a pipe that is to be written.
pub fn open_at_once(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed()).open(path)
}

/// The same, and when the system noted it: archives and copies keep the time of the content, and an
/// inode that was given back is soon given out again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct State {
    /// Device, inode, time of the content, size.
    pub stamp: Stamp,
    /// See [`noted`].
    pub noted: i128,
}

impl State {
    /// From what the system says of a file.
    pub fn of(meta: &Metadata) -> Self {
        Self { stamp: Stamp::of(meta), noted: noted(meta) }
    }

    /// Of what is at a path, be it a link; none if nothing is.
    pub fn at(path: &Path) -> Option<Self> {
        fs::symlink_metadata(path).ok().map(|meta| Self::of(&meta))
    }
}

/// A file that changed so recently may change again without a new time stamp.
pub const RACY: Duration = Duration::from_millis(20);

/// Gives the space of a part of a file back; it then reads as zeros, and the file keeps its length.
///
/// # Errors
/// The file system cannot do it.
#[cfg(target_os = "linux")]
pub fn punch_hole(file: &File, from: u64, length: u64) -> io::Result<()> {
    use rustix::fs::FallocateFlags;
    Ok(rustix::fs::fallocate(file, FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, from, length)?)
}

/// Gives the space of a part of a file back.
///
/// # Errors
/// Always: this system has no call for it that we know.
#[cfg(not(target_os = "linux"))]
pub fn punch_hole(_: &File, _: u64, _: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Asks the file system for so much room at the end of a file that nobody else writes, and gives it back. One
/// that cannot be asked is taken to have it.
///
/// # Errors
/// There is no room.
#[cfg(target_os = "linux")]
pub fn has_room(file: &File, bytes: u64) -> io::Result<()> {
    use rustix::fs::FallocateFlags;
    use rustix::io::Errno;
    let length = file.metadata()?.len();
    match rustix::fs::fallocate(file, FallocateFlags::KEEP_SIZE, length, bytes) {
        Err(error @ (Errno::NOSPC | Errno::DQUOT | Errno::IO | Errno::ROFS)) => Err(error.into()),
        Err(_) => Ok(()),
        Ok(()) => file.set_len(length),
    }
}

/// Whether there is room at the end of a file.
///
/// # Errors
/// Never: this system has no call for it that we know.
#[cfg(not(target_os = "linux"))]
pub fn has_room(_: &File, _: u64) -> io::Result<()> {
    Ok(())
}

/// Whether a file in this directory could still grow.
///
/// # Errors
/// It could not.
pub fn has_room_in(dir: &Path) -> io::Result<()> {
    has_room(&tempfile::tempfile_in(dir)?, 1)
}

/// Whether hardly anything is left of the file system of this directory.
pub fn is_nearly_full(dir: &Path) -> bool {
    rustix::fs::statvfs(dir).is_ok_and(|told| told.f_bavail < 16)
}

/// A file that needs no disk, and a path by which this process can open it as long as the file is open.
///
/// # Errors
/// The system has no room for it either.
#[cfg(target_os = "linux")]
pub fn file_in_memory() -> io::Result<(File, PathBuf)> {
    use std::os::fd::AsRawFd;
    let file = File::from(rustix::fs::memfd_create("log", rustix::fs::MemfdFlags::CLOEXEC)?);
    let path = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
    Ok((file, path))
}

/// A file elsewhere, in the directory for what is temporary.
///
/// # Errors
/// The system refuses it.
#[cfg(not(target_os = "linux"))]
pub fn file_in_memory() -> io::Result<(File, PathBuf)> {
    Ok(tempfile::NamedTempFile::new()?.keep().map_err(|error| error.error)?)
}

/// When the system last noted a change of a file's content or nature, nanoseconds since 1970.
/// Unlike the time of its content, nobody can set it: a copy that keeps times still shows here.
pub fn noted(meta: &Metadata) -> i128 {
    i128::from(meta.ctime()) * 1_000_000_000 + i128::from(meta.ctime_nsec())
}

/// The time, in nanoseconds since 1970.
pub fn now() -> i128 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i128::try_from(now.as_nanos()).unwrap_or(i128::MAX)
}

/// How long ago a time was, in nanoseconds since 1970; zero for a time in the future.
pub fn age(time: i128) -> Duration {
    let age = now().saturating_sub(time);
    Duration::from_nanos(u64::try_from(age.max(0)).unwrap_or(u64::MAX))
}

/// The permission bits, set-id bits included.
pub fn mode(meta: &Metadata) -> u32 {
    meta.mode() & 0o7777
}

/// Sets the permission bits (of what a symbolic link points to).
pub fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

/// Whether anyone may execute it.
pub fn is_exec(meta: &Metadata) -> bool {
    meta.mode() & 0o111 != 0
}

/// Whether this process may execute what is at a path.
pub fn may_execute(path: &Path) -> bool {
    rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok() && path.is_file()
}

/// Whether two names stand for one file.
pub fn is_one_file(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// How many names the file has.
pub fn links(meta: &Metadata) -> u64 {
    meta.nlink()
}

/// The process's umask. It is read once: the only portable way sets it for a moment.
pub fn umask() -> u32 {
    static UMASK: OnceLock<u32> = OnceLock::new();
    *UMASK.get_or_init(|| {
        let told = fs::read_to_string("/proc/self/status").ok().and_then(|status| {
            let line = status.lines().find_map(|line| line.strip_prefix("Umask:"))?;
            u32::from_str_radix(line.trim(), 8).ok()
        });
        told.unwrap_or_else(|| {
            let old = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
            rustix::process::umask(old);
            old.as_raw_mode() as _
        })
    })
}

/// The mode of a new ordinary file.
pub fn file_mode() -> u32 {
    0o666 & !umask()
}

/// The mode of a new program.
pub fn program_mode() -> u32 {
    0o777 & !umask()
}

/// The mode of what is at a path below an open directory; none if there is nothing.
pub fn mode_below(dir: &File, path: &str) -> Option<u32> {
    let found = rustix::fs::statat(dir, path, rustix::fs::AtFlags::empty()).ok()?;
    Some(found.st_mode & 0o7777)
}

/// Makes a directory and those above it. With a mode, each one that is made gets exactly it.
pub fn make_dirs(path: &Path, mode: Option<u32>) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let Some(mode) = mode else { return fs::create_dir_all(path) };
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        make_dirs(parent, Some(mode))?;
    }
    match fs::DirBuilder::new().mode(mode).create(path) {
        // Another process was faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => return Ok(()),
        other => other?,
    }
    // The umask has taken bits away, and mkdir does not set the group bit; not being allowed to
    // set them is no reason to stop.
    let _ = set_mode(path, mode);
    Ok(())
}

/// Whether a directory is where another file system begins (as Python's `os.path.ismount`).
pub fn is_mount(path: &Path) -> bool {
    let (Ok(here), Ok(above)) = (fs::symlink_metadata(path), fs::symlink_metadata(path.join(".."))) else { return false };
    !here.file_type().is_symlink() && (here.dev() != above.dev() || here.ino() == above.ino())
}

/// The id of this process.
pub fn own_pid() -> u32 {
    std::process::id()
}

/// The name of the user who runs this process, as the system knows it.
pub fn user_name() -> Option<String> {
    let id = rustix::process::getuid().as_raw().to_string();
    let listed = fs::read_to_string("/etc/passwd").ok().and_then(|users| {
        let mut users = users.lines().map(|line| line.split(':'));
        users
            .find_map(|mut fields| Some((fields.next()?.to_owned(), fields.nth(1)?.to_owned())).filter(|(_, other)| *other == id))
            .map(|(name, _)| name)
    });
    // Users who come from elsewhere are known to this program of POSIX.
    listed.or_else(|| {
        let told = std::process::Command::new("id").arg("-un").output().ok().filter(|told| told.status.success())?;
        Some(String::from_utf8(told.stdout).ok()?.trim().to_owned()).filter(|name| !name.is_empty())
    })
}

/// Waits for a child to end; how it ended, and what it used with all that it had waited for itself.
///
/// # Errors
/// It is no child of ours, or was waited for before.
pub fn wait(child: &Child) -> io::Result<(ExitStatus, Usage)> {
    let pid = i32::try_from(child.id()).map_err(io::Error::other)?;
    let mut status = 0;
    let mut used = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    loop {
        #[expect(unsafe_code, reason = "no safe crate gives wait4; both places are ours and live over the call")]
        let ended = unsafe { libc::wait4(pid, &raw mut status, 0, used.as_mut_ptr()) };
        if ended == pid {
            break;
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
    #[expect(unsafe_code, reason = "it was zeroed, which is a valid value, and wait4 has filled it")]
    let used = unsafe { used.assume_init() };
    let time = |time: libc::timeval| {
        let (seconds, micros) = (u64::try_from(time.tv_sec).unwrap_or(0), u64::try_from(time.tv_usec).unwrap_or(0));
        Duration::from_secs(seconds) + Duration::from_micros(micros)
    };
    // Linux counts kilobytes, macOS bytes.
    let unit = if cfg!(target_os = "macos") { 1 } else { 1024 };
    let peak_rss = u64::try_from(used.ru_maxrss).unwrap_or(0) * unit;
    Ok((ExitStatus::from_raw(status), Usage { user: time(used.ru_utime), system: time(used.ru_stime), peak_rss }))
}

/// Whether a process of this id exists.
pub fn pid_alive(pid: i64) -> bool {
    let Some(pid) = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw) else { return pid == 0 };
    // Not being allowed to send a signal also shows that there is someone.
    !matches!(rustix::process::test_kill_process(pid), Err(rustix::io::Errno::SRCH))
}

/// The command line of a process, where the system tells it.
pub fn command_of(pid: i64) -> Option<String> {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let words: Vec<_> = bytes.split(|byte| *byte == 0).filter(|word| !word.is_empty()).map(String::from_utf8_lossy).collect();
    (!words.is_empty()).then(|| words.join(" "))
}

/// A process in words: its id, and its command where that is known.
pub fn described(pid: i64) -> String {
    format!("PID {pid}{}", command_of(pid).map(|command| format!(" ({command})")).unwrap_or_default())
}

/// A process that has not ended, as the system lists it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Process {
    /// Its id.
    pub pid: i32,
    /// The id of the one that started it, or of the one that took it over.
    pub parent: i32,
    /// The id of its process group.
    pub group: i32,
    /// When it started, in ticks of the system's clock: ids come again, ids with this do not.
    pub start: u64,
}

/// All processes that have not ended; none where the system does not tell.
pub fn processes() -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(process).collect()
}

/// One process; none if it has ended, also if nobody has asked for its end yet.
pub fn process(pid: i32) -> Option<Process> {
    let text = String::from_utf8_lossy(&fs::read(format!("/proc/{pid}/stat")).ok()?).into_owned();
    // The name in the brackets may hold anything, brackets too.
    let mut fields = text.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    let (parent, group) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    let start = fields.nth(16)?.parse().ok()?;
    (!matches!(state, "Z" | "X")).then_some(Process { pid, parent, group, start })
}

/// The variables that a process was started with, as `name=value` with a zero after each; none
/// where the system does not tell. It is empty for a moment when a process becomes another program.
pub fn environment_of(pid: i32) -> Option<Vec<u8>> {
    fs::read(format!("/proc/{pid}/environ")).ok()
}

/// Whether a process ignores a signal.
pub fn ignores(pid: i32, signal: i32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let ignored = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    ignored.is_some_and(|ignored| ignored >> (signal - 1) & 1 != 0)
}

/// Whether there is someone, usually a shell, who would continue our process group if it were
/// stopped: one of our session above the group.
pub fn can_be_continued() -> bool {
    use rustix::process::{Pid, getpgid, getpgrp, getppid, getsid};
    let mut above = getppid();
    while let Some(pid) = above {
        if getpgid(Some(pid)).is_ok_and(|group| group != getpgrp()) {
            return getsid(Some(pid)) == getsid(None);
        }
        above = process(pid.as_raw_nonzero().get()).and_then(|process| Pid::from_raw(process.parent));
    }
    false
}

/// What tells this machine from others, and within it those whose processes cannot see each
/// other (containers).
pub fn machine() -> String {
    let text = |path: &str| fs::read_to_string(path).unwrap_or_default().trim().to_owned();
    let space = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    format!("{} {} {}", text("/proc/sys/kernel/hostname"), text("/etc/machine-id"), space.display())
}

/// The processes that this one descends from, the nearest first.
pub fn ancestors() -> Vec<i64> {
    let me = i32::try_from(own_pid()).ok();
    let above = std::iter::successors(me.and_then(process), |child| process(child.parent));
    above.skip(1).map(|process| i64::from(process.pid)).collect()
}

/// Locks a file for this open file alone; false if someone else holds it.
pub fn try_lock(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(fs::TryLockError::WouldBlock) => Ok(false),
        Err(fs::TryLockError::Error(error)) => Err(error),
    }
}

/// Locks a file together with others who only look; false if someone holds it alone.
pub fn try_lock_shared(file: &File) -> io::Result<bool> {
    match file.try_lock_shared() {
        Ok(()) => Ok(true),
        Err(fs::TryLockError::WouldBlock) => Ok(false),
        Err(fs::TryLockError::Error(error)) => Err(error),
    }
}

/// The machine's name.
pub fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Whether an error says that this kind of link cannot be made here (dvc: `generic.py` `_try_links`).
pub fn link_refused(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let refusals = [Errno::PERM, Errno::NOTSUP, Errno::OPNOTSUPP, Errno::XDEV, Errno::NOTTY, Errno::NOSYS, Errno::INVAL, Errno::AGAIN];
    error.kind() == io::ErrorKind::Unsupported
        || error.raw_os_error().is_some_and(|code| refusals.iter().any(|errno| errno.raw_os_error() == code))
}

/// Shares the blocks of a file with a new one. A symbolic link is followed.
pub fn reflink(from: &Path, to: &Path) -> io::Result<()> {
    if fs::symlink_metadata(from)?.is_symlink() {
        reflink_copy::reflink(fs::canonicalize(from)?, to)
    } else {
        reflink_copy::reflink(from, to)
    }
}

/// Waits until a file or directory is on the disk. One that is gone needs nothing, and of one that
/// the file system cannot or may not be asked for nothing more is known than without asking.
pub fn sync(path: &Path) -> io::Result<()> {
    use io::ErrorKind::{InvalidInput, NotFound, PermissionDenied, ReadOnlyFilesystem, Unsupported};
    match File::open(path).and_then(|file| file.sync_all()) {
        Err(error) if matches!(error.kind(), InvalidInput | NotFound | PermissionDenied | ReadOnlyFilesystem | Unsupported) => Ok(()),
        other => other,
    }
}

/// Waits until all that was written to the file system of this file is on the disk.
pub fn sync_all_of(file: &File) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::fs::syncfs(file)?;
    #[cfg(not(target_os = "linux"))]
    file.sync_all().map(|()| rustix::fs::sync())?;
    Ok(())
}

/// Whether the file system brings a file's content to the disk before its name takes the place
/// of another file: ext4 and btrfs do (in memory alone there is nothing to lose).
pub fn replaces_whole(file: &File) -> bool {
    #[cfg(target_os = "linux")]
    return rustix::fs::fstatfs(file).is_ok_and(|of| [0xEF53, 0x9123_683E, 0x0102_1994].contains(&of.f_type));
    #[cfg(not(target_os = "linux"))]
    return file.metadata().is_err();
}

/// Makes a second name of a file.
pub fn hardlink(from: &Path, to: &Path) -> io::Result<()> {
    fs::hard_link(from, to)
}

/// Makes a symbolic link.
pub fn symlink(from: &Path, to: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(from, to)
}

/// Python's words for a system error: `[Errno 2] No such file or directory: '/x'`.
pub fn python_words(error: &io::Error, path: &Path) -> String {
    let shown = crate::format::pytext::repr(&String::from_utf8_lossy(path.as_os_str().as_bytes()));
    match error.raw_os_error() {
        Some(code) => {
            let text = error.to_string();
            let words = text.strip_suffix(&format!(" (os error {code})")).unwrap_or(&text);
            format!("[Errno {code}] {words}: {shown}")
        }
        None => format!("{error}: {shown}"),
    }
}

/// The platform's directory of site-wide settings, and those of the user below their home.
pub fn config_dirs() -> (&'static str, &'static str) {
    if cfg!(target_os = "macos") { ("/Library/Application Support", "Library/Application Support") } else { ("/etc/xdg", ".config") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_who_lives() {
        assert!(pid_alive(i64::from(own_pid())));
        assert!(pid_alive(1));
        assert!(!pid_alive(99_999_999));
        assert!(!pid_alive(i64::MAX));
    }

    #[test]
    fn knows_its_family() {
        let own = processes().into_iter().find(|process| u32::try_from(process.pid) == Ok(own_pid())).unwrap();
        assert_eq!(ancestors().first(), Some(&i64::from(own.parent)));
        assert!(!ancestors().contains(&i64::from(own.pid)));
    }

    #[test]
    fn the_umask_is_read_without_changing_it() {
        assert_eq!(umask(), umask());
        assert!(umask() <= 0o777);
    }

    #[test]
    fn speaks_as_python() {
        let error = fs::read("/nonexistent/x").unwrap_err();
        assert_eq!(python_words(&error, Path::new("/nonexistent/x")), "[Errno 2] No such file or directory: '/nonexistent/x'");
    }

    #[test]
    fn directories_get_the_mode_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b");
        make_dirs(&path, Some(0o2775)).unwrap();
        assert_eq!(mode(&fs::metadata(&path).unwrap()), 0o2775);
        assert_eq!(mode(&fs::metadata(dir.path().join("a")).unwrap()), 0o2775);
        make_dirs(&path, Some(0o700)).unwrap();
        assert_eq!(mode(&fs::metadata(&path).unwrap()), 0o2775);
        assert!(is_mount(Path::new("/")));
        assert!(!is_mount(&path));
    }
}
