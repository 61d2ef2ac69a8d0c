//! What lies behind links and beside what counts, which DVC would overwrite.

use std::path::Path;

use super::*;
use crate::model::TreeEntry;
use crate::store::hasher::Hasher;
use crate::store::md5;
use crate::store::os;
use crate::store::workspace::tests::repository;

/// A repository whose cache has the directory `d` with `a` and `sub/b`, and the file `f`.
fn world() -> (tempfile::TempDir, Workspace, Hasher) {
    let (dir, workspace) = repository();
    let hasher = Hasher::new(2, None).unwrap();
    for (name, text) in [("d/a", "a"), ("d/sub/b", "b"), ("f", "f")] {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    for name in ["d", "f"] {
        let hashed = workspace.hash(&hasher, &RepoPath::new(name), &Algo::Md5).unwrap().unwrap();
        workspace.cache().put(&hasher, &hashed, None, false).unwrap();
    }
    workspace.cache().settle().unwrap();
    (dir, workspace, hasher)
}

fn wish(workspace: &Workspace, hasher: &Hasher, name: &str) -> Wish {
    let path = RepoPath::new(name);
    let hashed = workspace.hash(hasher, &path, &Algo::Md5).unwrap().unwrap();
    Wish { path, recorded: Some((hashed.digest, hashed.meta)), listed: None, parts: Vec::new() }
}

#[test]
fn what_lies_behind_a_linked_directory_is_not_lost() {
    let (dir, workspace, hasher) = world();
    let wish = wish(&workspace, &hasher, "d");
    fs::remove_dir_all(dir.path().join("d/sub")).unwrap();
    fs::create_dir(dir.path().join("elsewhere")).unwrap();
    fs::write(dir.path().join("elsewhere/b"), "mine").unwrap();
    os::symlink(Path::new("../elsewhere"), &dir.path().join("d/sub")).unwrap();
    let steps = workspace.compare_out(&hasher, &wish, false).unwrap();
    assert_eq!(workspace.unsaved(&steps).unwrap(), [workspace.place(&RepoPath::new("d/sub/b"))]);
}

#[test]
fn a_file_takes_the_place_of_a_link_to_a_directory() {
    let (dir, workspace, hasher) = world();
    let wish = wish(&workspace, &hasher, "f");
    fs::remove_file(dir.path().join("f")).unwrap();
    os::symlink(Path::new("d"), &dir.path().join("f")).unwrap();
    let steps = workspace.compare_out(&hasher, &wish, false).unwrap();
    assert_eq!((steps.kind, workspace.unsaved(&steps).unwrap()), (Some(Kind::Modified), Vec::new()));
    workspace.apply(&hasher, vec![steps], &|| true).remove(0).unwrap();
    assert_eq!(fs::read(dir.path().join("f")).unwrap(), b"f");
    assert_eq!(fs::read(dir.path().join("d/a")).unwrap(), b"a");
}

#[test]
fn a_stop_leaves_each_file_old_or_new() {
    let (dir, workspace, hasher) = world();
    let wishes = ["d", "f"].map(|name| wish(&workspace, &hasher, name));
    fs::write(dir.path().join("d/a"), "f").unwrap();
    fs::remove_file(dir.path().join("f")).unwrap();
    let steps = || wishes.iter().map(|wish| workspace.compare_out(&hasher, wish, false).unwrap()).collect::<Vec<_>>();
    let stopped = workspace.apply(&hasher, steps(), &|| false);
    assert!(stopped.iter().all(|result| matches!(result, Err(Error::GivenUp))), "{stopped:?}");
    assert_eq!((fs::read(dir.path().join("d/a")).unwrap(), dir.path().join("f").exists()), (b"f".to_vec(), false));
    workspace.apply(&hasher, steps(), &|| true).into_iter().for_each(|result| result.unwrap());
    assert!(steps().iter().all(Steps::is_empty));
}

#[test]
fn an_object_whose_file_lacks_its_content_is_no_object() {
    let (dir, workspace, hasher) = world();
    let wish = wish(&workspace, &hasher, "f");
    let object = workspace.cache().path_of(&wish.recorded.as_ref().unwrap().0);
    fs::write(dir.path().join("f"), "x").unwrap();
    os::set_mode(&object, 0o744).unwrap();
    assert!(!workspace.compare_out(&hasher, &wish, false).unwrap().lacking);
    assert_eq!(os::mode(&fs::metadata(&object).unwrap()), 0o744, "a link may lead here");
    fs::write(&object, "spoilt").unwrap();
    assert!(workspace.compare_out(&hasher, &wish, false).unwrap().lacking);
    assert!(object.exists());
}

#[test]
fn what_the_cache_of_dvc_2_has_is_not_only_here() {
    let (dir, workspace, hasher) = world();
    for (name, text) in [("old", "old\r\n"), ("new", "new\r\n")] {
        fs::write(dir.path().join(name), text).unwrap();
    }
    let digest = workspace.hash(&hasher, &RepoPath::new("old"), &Algo::Md5Dos2Unix).unwrap().unwrap().digest;
    let object = workspace.cache().path_of(&digest);
    fs::create_dir_all(object.parent().unwrap()).unwrap();
    fs::write(&object, "old\n").unwrap();
    assert!(workspace.standing(&hasher, &RepoPath::new("old")).unwrap().only_here().is_empty());
    assert_eq!(workspace.standing(&hasher, &RepoPath::new("new")).unwrap().only_here(), [dir.path().join("new")]);
}

#[test]
fn a_list_that_leads_out_of_its_directory_is_no_list() {
    let (dir, workspace, hasher) = world();
    let file = |relpath: &str| ListedFile { entry: TreeEntry { relpath: relpath.to_owned(), md5: md5::of_bytes(b"a") }, isexec: false };
    let listed = |names: &[&str]| Some(Listed { algo: Algo::Md5, files: names.iter().map(|name| file(name)).collect() });
    let mut wish = wish(&workspace, &hasher, "d");
    for (names, lacks) in [(["a", "../a"], true), (["a", "sub//b"], true), (["a", "sub/b"], false)] {
        wish.listed = listed(&names);
        assert_eq!(workspace.compare_out(&hasher, &wish, false).unwrap().lacking, lacks, "{names:?}");
    }
    assert!(dir.path().join("d/sub/b").exists());
}

#[test]
fn what_comes_while_it_is_looked_at_stays() {
    let (dir, workspace, hasher) = world();
    let standing = workspace.standing(&hasher, &RepoPath::new("d")).unwrap();
    assert_eq!(standing.only_here(), &[] as &[PathBuf]);
    fs::write(dir.path().join("d/a"), "other").unwrap();
    fs::write(dir.path().join("d/sub/new"), "new").unwrap();
    standing.remove().unwrap();
    let left = |name: &str| dir.path().join("d").join(name).exists();
    assert!(left("a") && left("sub/new") && !left("sub/b"));
    fs::remove_file(dir.path().join("d/a")).unwrap();
    assert_eq!(workspace.standing(&hasher, &RepoPath::new("d")).unwrap().only_here(), [dir.path().join("d/sub/new")]);
    assert!(workspace.standing(&hasher, &RepoPath::new("nothing")).unwrap().only_here().is_empty());
}
