//! What a kill, a refusal or an odd file in the place of a hook leaves behind.

use super::*;

const HOOK: Hook = Hook::PrePush;

struct Folder(tempfile::TempDir);

impl Folder {
    fn with(text: &str, mode: u32) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.write(HOOK.name(), text, mode);
        folder
    }

    fn write(&self, name: &str, text: &str, mode: u32) {
        fs::write(self.at(name), text).unwrap();
        os::set_mode(&self.at(name), mode).unwrap();
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn look(&self) -> Standing {
        look(self.0.path(), HOOK).unwrap()
    }

    fn change(&self, changes: &[Change]) -> Result<(), Error> {
        change(self.0.path(), changes)
    }

    fn chain(&self) -> Change {
        Change::Chain { path: self.at(HOOK.name()), kept: self.at(&HOOK.kept_name()), text: HOOK.script("/p") }
    }

    fn put_back(&self) -> Change {
        Change::PutBack { path: self.at(HOOK.name()), kept: self.at(&HOOK.kept_name()) }
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = leftovers::named(self.0.path()).into_iter().map(|(_, name)| name).collect();
        names.sort();
        names
    }
}

fn state(path: &Path) -> (String, u32) {
    (fs::read_to_string(path).unwrap(), os::mode(&fs::symlink_metadata(path).unwrap()))
}

#[test]
fn what_was_there_comes_back_as_it_was() {
    for mode in [0o755, 0o700, 0o644, 0o4751] {
        let folder = Folder::with("#!/bin/sh\necho é\r\n\n", mode);
        let before = state(&folder.at("pre-push"));
        folder.change(&[folder.chain()]).unwrap();
        let standing = folder.look();
        assert!(matches!(&standing.what, What::Script(Script { nature: Nature::Ours(_), runs: true, .. })), "{standing:?}");
        let kept = standing.kept.unwrap();
        assert_eq!((kept.runs, kept.is_the_same, state(&kept.path)), (mode & 0o111 != 0, false, before.clone()));
        folder.change(&[folder.put_back()]).unwrap();
        assert_eq!((folder.names(), state(&folder.at("pre-push"))), (vec!["pre-push".to_owned()], before));
    }
}

#[test]
fn a_link_stays_a_link() {
    for target in ["there", "nowhere"] {
        let folder = Folder::with("x", 0o755);
        fs::rename(folder.at("pre-push"), folder.at("there")).unwrap();
        os::symlink(Path::new(target), &folder.at("pre-push")).unwrap();
        folder.change(&[folder.chain()]).unwrap();
        assert_eq!(fs::read_link(folder.at("pre-push.pre-paraffin")).unwrap(), Path::new(target));
        assert_eq!(folder.look().kept.unwrap().runs, target == "there");
        assert_eq!(state(&folder.at("there")).0, "x");
        folder.change(&[folder.put_back()]).unwrap();
        assert_eq!(fs::read_link(folder.at("pre-push")).unwrap(), Path::new(target));
    }
}

/// Killed after the second name was given, before ours took the place: by a link, and where there are
/// none by a copy.
#[test]
fn what_was_cut_off_goes_on() {
    let by_copy: [fn(&Path, &Path) -> io::Result<()>; 2] = [|from, to| fs::hard_link(from, to), copy];
    for second_name in by_copy {
        let folder = Folder::with("old", 0o750);
        second_name(&folder.at("pre-push"), &folder.at("pre-push.pre-paraffin")).unwrap();
        assert!(folder.look().kept.unwrap().is_the_same);
        folder.change(&[folder.chain()]).unwrap();
        assert_eq!(state(&folder.at("pre-push.pre-paraffin")), ("old".to_owned(), 0o750));
        assert_eq!(folder.names(), ["pre-push", "pre-push.pre-paraffin"]);
    }
    let folder = Folder::with("old", 0o750);
    folder.write("pre-push.pre-paraffin", "older", 0o750);
    assert!(!folder.look().kept.unwrap().is_the_same);
    folder.write("pre-push.pre-paraffin", "old", 0o755);
    assert!(!folder.look().kept.unwrap().is_the_same);
}

#[test]
fn a_copied_link_is_the_same() {
    let folder = Folder::with("old", 0o750);
    fs::rename(folder.at("pre-push"), folder.at("there")).unwrap();
    os::symlink(Path::new("there"), &folder.at("pre-push")).unwrap();
    copy(&folder.at("pre-push"), &folder.at("pre-push.pre-paraffin")).unwrap();
    assert!(folder.look().kept.unwrap().is_the_same);
}

#[test]
fn a_refusal_changes_nothing() {
    let folder = Folder::with("old", 0o755);
    let taken = Change::Chain { path: folder.at("no"), kept: folder.at("no.pre-paraffin"), text: "x".to_owned() };
    folder.change(&[folder.chain(), taken]).unwrap_err();
    assert_eq!((folder.names(), state(&folder.at("pre-push"))), (vec!["pre-push".to_owned()], ("old".to_owned(), 0o755)));
    let nowhere = Change::Write { path: folder.at("no/pre-commit"), text: "x".to_owned() };
    folder.change(&[folder.chain(), nowhere]).unwrap_err();
    assert_eq!(folder.names(), ["pre-push"]);
}

#[test]
fn what_is_no_file_is_seen() {
    let folder = Folder::with("old", 0o755);
    fs::remove_file(folder.at("pre-push")).unwrap();
    assert_eq!(folder.look().what, What::Nothing);
    fs::create_dir(folder.at("pre-push")).unwrap();
    assert_eq!(folder.look().what, What::NoFile);
    let nowhere = look(&folder.at("no"), HOOK).unwrap();
    assert_eq!((nowhere.what, nowhere.kept), (What::Nothing, None));
    assert_eq!(look(Path::new("/dev/null"), HOOK).unwrap().what, What::Nothing);
}

#[test]
fn managers_are_known_by_their_signs() {
    let place = |root: &Path, path: PathBuf| HooksFolder { path, root: root.to_path_buf(), common: root.join(".git"), setting: None };
    let signs = [
        (Manager::PreCommit, ".pre-commit-config.yaml"),
        (Manager::Lefthook, "lefthook.yml"),
        (Manager::Lefthook, ".lefthook.toml"),
        (Manager::Lefthook, ".config/lefthook.yaml"),
        (Manager::Husky, ".husky"),
    ];
    for (want, sign) in signs {
        let dir = tempfile::tempdir().unwrap();
        let folder = place(dir.path(), dir.path().join("h"));
        assert_eq!(manager(&folder), None);
        let sign = dir.path().join(sign);
        fs::create_dir_all(sign.parent().unwrap()).unwrap();
        fs::write(&sign, "").unwrap();
        assert_eq!(manager(&folder), Some((want, sign)));
    }
    let folder = place(Path::new("/r"), PathBuf::from("/r/web/.husky/_"));
    assert_eq!(manager(&folder), Some((Manager::Husky, folder.path.clone())));
}
