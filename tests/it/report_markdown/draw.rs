//! The real Mermaid in a headless chromium: it comes from npm into the target folder.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::Value;
use wait_timeout::ChildExt as _;

use crate::dvc::tried;
use crate::report_html::chromium;
use crate::support::{aloud, in_ci, target_dir};

/// The releases that must draw alike.
pub const RELEASES: [&str; 2] = ["11.17.2", "12.3.0"];

/// No set of charts takes longer, even on a busy machine.
const LONGEST: Duration = Duration::from_secs(300);

/// A browser and both releases.
pub struct Drawer {
    browser: PathBuf,
    folder: PathBuf,
}

impl Drawer {
    /// What draws, if it can be had; `what` says what is skipped otherwise.
    pub fn get(what: &str) -> Option<&'static Self> {
        let browser = chromium::get(what)?;
        static FOUND: OnceLock<Result<Drawer, String>> = OnceLock::new();
        match FOUND.get_or_init(|| Self::find(browser)) {
            Ok(drawer) => Some(drawer),
            Err(why) => {
                assert!(!in_ci(), "no Mermaid in CI: {why}");
                aloud(&format!("SKIPPED {what}: {why}"));
                None
            }
        }
    }

    fn find(browser: &Path) -> Result<Self, String> {
        let folder = target_dir().join("mermaid");
        std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
        let lock = std::fs::File::create(folder.join("lock")).map_err(|error| error.to_string())?;
        lock.lock().map_err(|error| error.to_string())?;
        for release in RELEASES {
            if !script(&folder, release).is_file() {
                fetch(&folder, release)?;
            }
        }
        Ok(Self { browser: browser.to_owned(), folder })
    }

    /// The labels of all nodes of each chart, or why it was not drawn.
    pub fn draw(&self, release: &str, sources: &[String]) -> Vec<Result<Vec<String>, String>> {
        let folder = tempfile::Builder::new().prefix("dvcg-").tempdir_in("/tmp").unwrap();
        let page = folder.path().join("page.html");
        let sources = serde_json::to_string(sources).unwrap().replace('<', "\\u003c");
        let script = script(&self.folder, release);
        std::fs::write(&page, PAGE.replace("SCRIPT", &script.display().to_string()).replace("SOURCES", &sources)).unwrap();
        let answer = folder.path().join("answer.html");
        let mut child = Command::new(&self.browser)
            .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--virtual-time-budget=3600000"])
            .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
            .args(["--dump-dom".to_owned(), format!("file://{}", page.display())])
            .env("HOME", folder.path())
            .stdout(std::fs::File::create(&answer).unwrap())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        if child.wait_timeout(LONGEST).unwrap().is_none() {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("mermaid {release} takes longer than {LONGEST:?}");
        }
        let dom = std::fs::read_to_string(&answer).unwrap();
        let json = dom.split("<pre id=\"answer\">").nth(1).and_then(|rest| rest.split("</pre>").next());
        let drawings: Vec<Value> = serde_json::from_str(json.unwrap_or_else(|| panic!("no answer: {dom}"))).unwrap();
        drawings.iter().map(drawing).collect()
    }
}

fn drawing(answer: &Value) -> Result<Vec<String>, String> {
    match answer.as_array() {
        Some(labels) => Ok(labels.iter().map(|label| label.as_str().unwrap().to_owned()).collect()),
        None => Err(answer.to_string()),
    }
}

/// Draws one after the other and tells the labels of their nodes in plain ASCII.
const PAGE: &str = r#"<!doctype html><meta charset="utf-8"><body><script src="file://SCRIPT"></script><script>
(async () => {
    const answers = [];
    mermaid.initialize({ startOnLoad: false, securityLevel: "strict" });
    for (const source of SOURCES) {
        try {
            const { svg } = await mermaid.render("chart" + answers.length, source);
            const box = document.createElement("div");
            box.innerHTML = svg;
            answers.push([...box.querySelectorAll(".node")].map(node => node.textContent));
        } catch (error) {
            answers.push("error: " + error);
        }
    }
    const answer = document.createElement("pre");
    answer.id = "answer";
    answer.textContent = JSON.stringify(answers)
        .replace(/[<>&\u007f-\uffff]/g, char => "\\u" + char.charCodeAt(0).toString(16).padStart(4, "0"));
    document.body.replaceChildren(answer);
})();
</script>"#;

fn script(folder: &Path, release: &str) -> PathBuf {
    folder.join(format!("{release}.min.js"))
}

/// The one file of the package that a page needs.
fn fetch(folder: &Path, release: &str) -> Result<(), String> {
    aloud(&format!("fetching mermaid {release} into {} (once)", folder.display()));
    let scratch = tempfile::Builder::new().tempdir_in(folder).map_err(|error| error.to_string())?;
    let tar = tried(Command::new("npm").args(["pack", "--silent", &format!("mermaid@{release}")]).current_dir(scratch.path()))?;
    let tar = scratch.path().join(tar.trim());
    tried(Command::new("tar").arg("-xzf").arg(tar).arg("-C").arg(scratch.path()).arg("package/dist/mermaid.min.js"))?;
    std::fs::rename(scratch.path().join("package/dist/mermaid.min.js"), script(folder, release)).map_err(|error| error.to_string())
}
