//! The binary: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    let code = dvc_paraffin::cli::run(std::env::args_os());
    ExitCode::from(u8::try_from(code).unwrap_or(255))
}
