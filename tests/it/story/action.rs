//! action.yml, step by step, with a `gh` that takes notes and a machine that looks like GitHub's.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use serde_yaml::Value;

use crate::support::project::Project;
use crate::support::ran::Ran;
use crate::support::{crate_dir, program};

/// A job whose steps are run one by one.
struct Job {
    project: Project,
    action: Value,
    /// `${{ … }}` and what stands for it.
    known: BTreeMap<String, String>,
}

impl Job {
    fn new(project: Project, inputs: &[(&str, &str)]) -> Self {
        let text = std::fs::read_to_string(crate_dir().join("action.yml")).unwrap();
        let action: Value = serde_yaml::from_str(&text).unwrap();
        let mut known = BTreeMap::from([
            ("github.token".to_owned(), "secret".to_owned()),
            ("github.event.pull_request.number".to_owned(), "7".to_owned()),
        ]);
        for (name, input) in action["inputs"].as_mapping().unwrap() {
            let name = name.as_str().unwrap();
            let default =
                input["default"].as_str().unwrap_or_else(|| panic!("{name} has no default")).replace("${{ github.token }}", "secret");
            let given = inputs.iter().find(|(given, _)| *given == name).map_or(default, |(_, value)| (*value).to_owned());
            known.insert(format!("inputs.{name}"), given);
        }
        let job = Self { project, action, known };
        for dir in ["bin", "runner/dvc-paraffin/bin", "github"] {
            std::fs::create_dir_all(job.at(dir)).unwrap();
        }
        job
    }

    fn at(&self, path: &str) -> PathBuf {
        self.project.scratch.top().join(path)
    }

    fn script(&self, name: &str, text: &str) {
        std::fs::write(self.at(name), text).unwrap();
        std::fs::set_permissions(self.at(name), std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// The program is there, as if the step had installed it.
    fn has_the_program(self) -> Self {
        std::os::unix::fs::symlink(program::path(), self.at("bin/dvc-paraffin")).unwrap();
        self
    }

    fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.at(path)).unwrap_or_default()
    }

    /// Runs the step of this id as GitHub would, and takes over its outputs.
    fn step(&mut self, id: &str) -> Ran {
        let step = self.action["runs"]["steps"].as_sequence().unwrap().iter().find(|step| step["id"] == id).unwrap().clone();
        let script = step["run"].as_str().unwrap();
        assert!(!script.contains("${{"), "what comes from outside must not stand in a script: {script}");
        let mut command = self.project.scratch.command("bash");
        command.current_dir(self.project.root()).args(["--noprofile", "--norc", "-e", "-o", "pipefail", "-c", script]);
        let path = format!("{}:{}", self.at("bin").display(), std::env::var("PATH").unwrap());
        command
            .env("PATH", path)
            .env("RUNNER_TEMP", self.at("runner"))
            .env("GITHUB_REPOSITORY", "me/it")
            .env("GITHUB_WORKFLOW", "my \"CI\"");
        command.env("GITHUB_ACTION_PATH", crate_dir()).env("NOTES", self.at("notes"));
        for file in ["GITHUB_OUTPUT", "GITHUB_PATH", "GITHUB_STEP_SUMMARY"] {
            command.env(file, self.at("github").join(file));
        }
        for (name, value) in step["env"].as_mapping().into_iter().flatten() {
            let wanted = value.as_str().unwrap().trim_start_matches("${{").trim_end_matches("}}").trim();
            command.env(name.as_str().unwrap(), self.known.get(wanted).map_or("", String::as_str));
        }
        let ran = Ran::of(&mut command);
        for line in self.read("github/GITHUB_OUTPUT").lines() {
            let (name, value) = line.split_once('=').unwrap();
            self.known.insert(format!("steps.{id}.outputs.{name}"), value.to_owned());
        }
        ran
    }

    /// Comments where there are these comments; gives what `gh` was told, and the text.
    fn comment(&mut self, ids: &str) -> String {
        self.has_comments(ids, 0);
        std::fs::remove_file(self.at("notes")).ok();
        self.step("comment").ok();
        let notes = self.read("notes");
        let body = notes.split_once("body=@").unwrap().1.lines().next().unwrap();
        format!("{notes}{}", std::fs::read_to_string(body).unwrap())
    }

    /// From now on `gh` lists these comments, and ends with a code.
    fn has_comments(&self, ids: &str, code: i32) {
        let list = format!("case \"$*\" in *--jq*) printf '%s' '{ids}';; esac");
        self.script(
            "bin/gh",
            &format!("#!/bin/sh\nprintf '%s\\n' \"$@\" >> \"$NOTES\"; echo \"token $GH_TOKEN\" >> \"$NOTES\"\n{list}\nexit {code}\n"),
        );
    }
}

fn project() -> Project {
    Project::new()
        .file("in.txt", "hello\n")
        .stage("first", |s| s.cmd("cp in.txt mid.txt").dep("in.txt").out("mid.txt"))
        .stage("second", |s| s.cmd("wc -c < mid.txt > end.txt").dep("mid.txt").out("end.txt"))
        .commit()
}

#[test]
fn a_run_is_reported_in_page_summary_and_comment() {
    let mut job = Job::new(project(), &[("args", "--jobs\n2\n")]).has_the_program();
    job.step("run").ok();
    assert_eq!(job.known["steps.run.outputs.exit-code"], "0");
    assert!(std::fs::read_to_string(&job.known["steps.run.outputs.html"]).unwrap().to_lowercase().starts_with("<!doctype html>"));
    let summary = job.read("github/GITHUB_STEP_SUMMARY");
    assert!(summary.contains("<!-- dvc-paraffin:report key="), "{summary}");
    // No comment yet: one is made.
    job.has_comments("", 0);
    job.step("comment").ok();
    let notes = job.read("notes");
    assert!(
        notes.contains("repos/me/it/issues/7/comments\n--jq\n.[] | select(.body | startswith(\"<!-- dvc-paraffin:report key="),
        "{notes}"
    );
    assert!(notes.contains("POST\nrepos/me/it/issues/7/comments\n--field\nbody=@") && notes.contains("token secret"), "{notes}");
    // There is one: it is updated.
    std::fs::remove_file(job.at("notes")).unwrap();
    job.has_comments("41\n42\n", 0);
    job.step("comment").ok();
    let notes = job.read("notes");
    assert!(notes.contains("PATCH\nrepos/me/it/issues/comments/41\n--field\nbody=@") && !notes.contains("POST"), "{notes}");
    job.step("finish").ok();
}

#[test]
fn the_mark_is_one_that_jq_reads_as_it_is_written() {
    let mut job = Job::new(project(), &[("command", "check")]).has_the_program();
    job.step("run").ok();
    job.has_comments("", 0);
    job.step("comment").ok();
    let notes = job.read("notes");
    let filter = notes.lines().find(|line| line.contains("startswith")).unwrap();
    let text = filter.split_once("startswith(").unwrap().1.rsplit_once(") | .id").unwrap().0.trim_end_matches(')');
    let mark: String = serde_json::from_str(text).unwrap();
    let markdown = std::fs::read_to_string(&job.known["steps.run.outputs.markdown"]).unwrap();
    assert_eq!(markdown.lines().next(), Some(mark.as_str()));
}

#[test]
fn a_failure_fails_the_job_after_it_is_reported() {
    let project = Project::new().stage("bad", |s| s.cmd("exit 3").out("never.txt")).commit();
    let mut job = Job::new(project, &[]).has_the_program();
    job.step("run").ok();
    assert_eq!(job.known["steps.run.outputs.exit-code"], "255");
    assert!(job.read("github/GITHUB_STEP_SUMMARY").contains("bad"));
    // A pull request from a fork may not be commented on.
    job.has_comments("", 1);
    let ran = job.step("comment");
    ran.ok().says("::warning title=dvc-paraffin::the pull request could not be commented on");
    job.step("finish").exits(255);
}

#[test]
fn a_stale_lock_is_told_and_fails() {
    let project = project();
    project.repro(["-q"]).ok();
    project.sh("git add -A && git commit -q -m lock && echo more >> in.txt && git commit -q -a -m stale");
    let mut job = Job::new(project, &[("command", "check"), ("args", "--cache\noff")]).has_the_program();
    job.step("run").ok();
    let summary = job.read("github/GITHUB_STEP_SUMMARY");
    assert!(summary.contains("### ✗ dvc.lock is stale") && summary.contains("dep 'in.txt' differs"), "{summary}");
    job.step("finish").exits(1);
}

#[test]
fn a_word_that_is_no_command_is_refused() {
    let mut job = Job::new(project(), &[("command", "destroy; touch x")]).has_the_program();
    job.step("run").ok().says("::error title=dvc-paraffin::the input 'command' must be repro or check, not 'destroy; touch x'");
    job.step("finish").exits(254);
    assert!(!job.project.has("x"));
    assert!(job.comment("").contains("ended with exit code 254 before it could write a report"));
}

#[test]
fn a_comment_of_an_earlier_run_does_not_stand_for_one_without_a_report() {
    for key in ["", "Build and test", "a--b -> \"c\" | d\\", " x\u{fc}\u{1f680}\u{7f16} ", "---", "%", &"k".repeat(130), "_/:@."] {
        for command in ["repro", "check"] {
            // What the program says of itself...
            let project = project();
            project.repro(["-q"]).ok();
            project.sh("git add -A && git commit -q -m lock");
            let mut job = Job::new(project, &[("key", key), ("command", command)]).has_the_program();
            job.step("run").ok();
            let told = job.comment("41\n");
            assert!(told.contains("PATCH\nrepos/me/it/issues/comments/41\n"), "{told}");
            // ... is found again where it has nothing to say, since it does not know what it is told.
            let mut job = Job::new(Project::folder(), &[("key", key), ("command", command), ("args", "--nonsense")]).has_the_program();
            job.step("run").ok();
            let code = job.known["steps.run.outputs.exit-code"].clone();
            assert_ne!(code, "0");
            let anew = job.comment("41\n");
            assert_eq!(mark(&anew), mark(&told), "{key:?} {command}");
            assert!(anew.contains("PATCH\n") && anew.contains("### \u{2717} No report\n"), "{anew}");
            assert!(anew.contains(&format!("ended with exit code {code} before it could write a report")), "{anew}");
        }
    }
    // The program could not even be built.
    let mut job = Job::new(project(), &[]);
    let told = job.comment("");
    assert!(told.contains("POST\n") && told.contains("The command ended before it could write a report"), "{told}");
}

/// The first line of a comment.
fn mark(comment: &str) -> &str {
    comment.lines().find(|line| line.starts_with("<!-- dvc-paraffin:report key=")).unwrap()
}

#[test]
fn the_program_comes_from_an_artifact_or_is_built() {
    let mut job = Job::new(project(), &[("artifact", "built")]);
    job.step("install").exits(1).says("the artifact 'built' holds no file 'dvc-paraffin'");
    std::fs::copy(program::path(), job.at("runner/dvc-paraffin/bin/dvc-paraffin")).unwrap();
    job.step("install").ok();
    assert_eq!(job.read("github/GITHUB_PATH").trim(), job.at("runner/dvc-paraffin/bin").display().to_string());
    for (inputs, want) in [
        (&[][..], format!("install --locked --root ROOT --path {}\n", crate_dir().display())),
        (&[("git", "https://h/r"), ("rev", "v1")], "install --locked --root ROOT --git https://h/r --rev v1 dvc-paraffin\n".to_owned()),
        (&[("git", "https://h/r")], "install --locked --root ROOT --git https://h/r dvc-paraffin\n".to_owned()),
    ] {
        let mut job = Job::new(project(), inputs);
        job.script("bin/cargo", "#!/bin/sh\necho \"$*\" >> \"$NOTES\"\n");
        job.step("install").ok();
        assert_eq!(job.read("notes").replace(&job.at("runner/dvc-paraffin").display().to_string(), "ROOT"), want);
    }
}
