//! What the page may do: show itself. Nothing else may, whatever slipped in.

use sha2::{Digest, Sha256};

/// The style sheet.
pub const STYLE: &str = include_str!("../../../templates/report.css");
/// The script.
pub const SCRIPT: &str = include_str!("../../../templates/report.js");

/// The Content-Security-Policy of the page: our style sheet and our script by their hashes, images
/// within the page, and, while it is served live, itself again.
pub fn policy(live: bool) -> String {
    let connect = if live { "; connect-src 'self'" } else { "" };
    format!(
        "default-src 'none'; style-src '{}'; script-src '{}'; img-src data:{connect}; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
}

/// The hash of a text as a policy names it.
fn hash(text: &str) -> String {
    format!("sha256-{}", base64(&Sha256::digest(text.as_bytes())))
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for three in bytes.chunks(3) {
        let bits = three.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for at in 0..4 {
            let letter = char::from(LETTERS[(bits >> (18 - 6 * at) & 63) as usize]);
            out.push(if at <= three.len() { letter } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_as_browsers_want_them() {
        for (text, want) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(text.as_bytes()), want);
        }
        assert_eq!(hash("alert(1)"), "sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI=");
    }

    #[test]
    fn only_a_live_page_may_fetch_itself() {
        assert!(!policy(false).contains("connect-src") && policy(true).contains("connect-src 'self'"));
        assert!(!policy(true).contains("unsafe"));
    }
}
