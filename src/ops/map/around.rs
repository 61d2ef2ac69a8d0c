//! What stands around a map: a pool of job tokens, and libraries that start threads of their own.

use std::ffi::OsString;

/// The pipe of a token pool around this process: that of a run whose stage this is, or of a make.
pub(super) fn pipe() -> Option<OsString> {
    std::env::var_os(crate::run::tokens::VARIABLE).or_else(|| jobserver(&std::env::var("MAKEFLAGS").ok()?).map(OsString::from))
}

/// The path of the pipe that make tells of: by its name, or by open files of this process.
fn jobserver(flags: &str) -> Option<String> {
    let auth = flags
        .split_whitespace()
        .rev()
        .find_map(|flag| flag.strip_prefix("--jobserver-auth=").or_else(|| flag.strip_prefix("--jobserver-fds=")))?;
    match auth.strip_prefix("fifo:") {
        Some(path) => Some(path.to_owned()),
        None => {
            let (read, _) = auth.split_once(',')?;
            // Make closes its pipe for commands that are none of its own.
            let read: u32 = read.parse().ok()?;
            // By our number, since the path is handed on to processes that need not have the file open.
            let path = format!("/proc/{}/fd/{read}", std::process::id());
            std::fs::metadata(&path).is_ok_and(|meta| std::os::unix::fs::FileTypeExt::is_fifo(&meta.file_type())).then_some(path)
        }
    }
}

/// So that the threads of numeric libraries in several commands at once are not more than the CPUs.
pub(super) fn threads(jobs: usize) -> Vec<(&'static str, OsString)> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from) / jobs.max(1);
    let names = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"];
    let unset = names.into_iter().filter(|name| std::env::var_os(name).is_none());
    unset.map(|name| (name, OsString::from(cores.max(1).to_string()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pool_of_a_make_is_found_in_its_flags() {
        assert_eq!(jobserver(" -j4 --jobserver-auth=fifo:/tmp/GMfifo7").as_deref(), Some("/tmp/GMfifo7"));
        assert_eq!(jobserver("k -j --jobserver-fds=3,4 --jobserver-auth=fifo:/x -- A=b").as_deref(), Some("/x"));
        assert_eq!(jobserver(" -j2"), None);
        // Make says so where a command is none of its own.
        assert_eq!(jobserver(" -j2 --jobserver-auth=-2,-2"), None);
        assert_eq!(jobserver("--jobserver-auth=99999,99998"), None);
        let (read, _write) = std::io::pipe().unwrap();
        let number = std::os::fd::AsRawFd::as_raw_fd(&read);
        let path = format!("/proc/{}/fd/{number}", std::process::id());
        assert_eq!(jobserver(&format!("-j4 --jobserver-auth={number},{number}")), Some(path));
    }
}
