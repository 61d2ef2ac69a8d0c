//! Power loss: a file system of its own is cut off from its disk while the program works on it, and
//! mounted again. What was not on the disk by then is gone, be it content, name or mode.
//!
//! ext4 has a call for that (`EXT4_IOC_SHUTDOWN`, which its own tests use). What stands behind the
//! file system, a disk that says that it has written and has not, is out of reach.
//!
//! `DVC_PARAFFIN_LOSSES` says how often it is done, `DVC_PARAFFIN_SEED` where to begin.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fastrand::Rng;
use md5::{Digest as _, Md5};
use wait_timeout::ChildExt as _;

use crate::dvc;
use crate::support::ran::{Ran, sh};
use crate::support::scratch::Scratch;
use crate::support::{aloud, in_ci, number, program};

const STAGES: usize = 40;
/// Cuts it off at once: what waits to be written is thrown away.
const CUT: &str = "import fcntl, os, struct, sys; fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587d, struct.pack('I', 2))";

#[test]
fn a_power_loss_spoils_nothing_and_costs_no_long_stage() {
    let Some(dvc) = dvc::get("the power loss") else { return };
    let losses = number("DVC_PARAFFIN_LOSSES", 6);
    let seed = number("DVC_PARAFFIN_SEED", u64::from(std::process::id()) * 1000 + fastrand::u64(..1000));
    let mut rng = Rng::with_seed(seed);
    let (mut made, mut told, mut lost) = (0, 0, 0);
    while made < losses {
        let types = ["reflink, copy", "hardlink", "symlink"][usize::try_from(made / 2 % 3).unwrap()];
        let Some(mut disk) = Disk::new(dvc, &pipeline(&mut rng), types) else { return };
        let mut before = BTreeSet::new();
        for _ in 0..2 {
            made += 1;
            let found = disk.lose(rng.usize(..STAGES / 3), Duration::from_millis(rng.u64(..400)), &before);
            let found =
                found.unwrap_or_else(|text| panic!("DVC_PARAFFIN_SEED={seed} DVC_PARAFFIN_LOSSES={losses}: {text}\n{}", disk.said()));
            told += found.told.len();
            lost += found.lost;
            before = found.told;
        }
        let result = disk.finish(dvc, &before);
        result.unwrap_or_else(|text| panic!("DVC_PARAFFIN_SEED={seed} DVC_PARAFFIN_LOSSES={losses}: {text}\n{}", disk.said()));
    }
    aloud(&format!("power: seed {seed}, {made} losses; {told} long stages had been told as finished, {lost} short ones had to run again"));
}

/// Stages of all lengths; those that begin with `long` take more than the quarter of a second from
/// which on a stage waits for the disk.
fn pipeline(rng: &mut Rng) -> String {
    let mut text = String::from("stages:\n");
    let mut outs: Vec<String> = vec!["src.txt".to_owned()];
    for number in 0..STAGES {
        let is_long = rng.u8(..4) == 0;
        let name = format!("{}{number}", if is_long { "long" } else { "short" });
        let (dep, out) = (rng.choice(&outs).unwrap().clone(), format!("{name}.out"));
        let pause = if is_long { "sleep 0.3; " } else { "" };
        let input = format!("{{ echo {name}; find {dep} -type f | LC_ALL=C sort | xargs cat | cksum; }}");
        let work = match rng.u8(..3) {
            0 => format!("{input} > {out}; chmod +x {out}"),
            1 => format!("mkdir {out}; for i in 0 1 2 3 4 5 6 7 8 9; do echo $i {name} > {out}/$i; done; {input} > {out}/sum"),
            _ => format!("{{ {input}; yes {name} | head -c 300000; }} > {out}"),
        };
        let cmd = serde_json::to_string(&format!("echo x >> $COUNT/{name}; {pause}{work}")).unwrap();
        text += &format!("  {name}:\n    cmd: {cmd}\n    deps: [{dep}]\n    outs: [{out}]\n");
        outs.push(out);
    }
    text
}

/// A repository on a disk of its own.
struct Disk {
    scratch: Scratch,
    mounted: bool,
}

/// What was found after a loss.
struct Found {
    /// Long stages that had been told as finished.
    told: BTreeSet<String>,
    /// How many others had been told and are not recorded, or without their objects.
    lost: usize,
}

impl Disk {
    /// None where this user may not mount, or there is no such file system.
    fn new(dvc: &Path, pipeline: &str, types: &str) -> Option<Self> {
        let mut disk = Self { scratch: Scratch::new(), mounted: false };
        let top = disk.scratch.top().to_path_buf();
        for dir in ["disk", "count"] {
            fs::create_dir(top.join(dir)).unwrap();
        }
        let made = Ran::of(
            Command::new("sh")
                .arg("-c")
                .arg("PATH=$PATH:/sbin:/usr/sbin; truncate -s 96M \"$0\" && mkfs.ext4 -q -F \"$0\"")
                .arg(top.join("image")),
        );
        if made.code != 0 || !disk.mount() {
            aloud("SKIPPED the power loss: mounting an ext4 in a file is not possible here");
            let has_loop = fs::File::open("/dev/loop-control").is_ok();
            assert!(!in_ci() || !has_loop || !rustix::process::geteuid().is_root(), "root cannot mount an ext4 in CI: {made}");
            return None;
        }
        let root = disk.root();
        fs::create_dir(&root).unwrap();
        fs::write(root.join("dvc.yaml"), pipeline).unwrap();
        fs::write(root.join("src.txt"), "source\n").unwrap();
        sh(&disk.scratch, &root, &format!("git init -q -b main . && {} init -q", dvc.display()));
        fs::write(root.join(".dvc/config"), format!("[cache]\n    type = {types}\n")).unwrap();
        sh(&disk.scratch, &root, "git add -A && git commit -q -m start && sync -f .");
        Some(disk)
    }

    fn root(&self) -> PathBuf {
        self.scratch.top().join("disk/w")
    }

    fn mount(&mut self) -> bool {
        let done =
            Command::new("mount").args(["-o", "loop"]).args([self.scratch.top().join("image"), self.scratch.top().join("disk")]).output();
        self.mounted = done.is_ok_and(|output| output.status.success());
        self.mounted
    }

    fn unmount(&mut self) {
        let done = Command::new("umount").arg(self.scratch.top().join("disk")).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        self.mounted = false;
    }

    /// A command that sees only this disk, DVC's site cache included.
    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = self.scratch.command(program);
        command.current_dir(self.root()).env("DVC_SITE_CACHE_DIR", self.scratch.top().join("disk/site"));
        command.env("COUNT", self.scratch.top().join("count"));
        command
    }

    fn start(&self) -> Child {
        let file = |name: &str| fs::File::create(self.scratch.top().join(name)).unwrap();
        let mut command = self.command(program::path());
        command.args(program::repro(4)).stdin(Stdio::null()).stdout(file("out")).stderr(file("err")).spawn().unwrap()
    }

    fn said(&self) -> String {
        fs::read_to_string(self.scratch.top().join("err")).unwrap_or_default()
    }

    /// Runs until so many stages have ended and some time more, loses power, and looks at what is
    /// left. `before`: long stages that had been told as finished in earlier runs.
    fn lose(&mut self, stages: usize, moment: Duration, before: &BTreeSet<String>) -> Result<Found, String> {
        let counts = self.counts();
        let mut child = self.start();
        while self.said().matches("' ran in ").count() < stages && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(10));
        }
        let ended = child.wait_timeout(moment).unwrap();
        let said = self.said();
        let cut = Ran::of(Command::new("python3").args(["-c", CUT]).arg(self.root()));
        assert_eq!(cut.code, 0, "{cut}");
        if ended.is_none() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        // What it started ends by itself, soon; until then the disk is in use.
        while Ran::of(Command::new("umount").arg(self.scratch.top().join("disk"))).code != 0 {
            std::thread::sleep(Duration::from_millis(50));
        }
        self.mounted = false;
        assert!(self.mount());
        let names: BTreeSet<String> =
            said.lines().filter_map(|line| Some(line.strip_prefix("Stage '")?.split_once("' ran in ")?.0.to_owned())).collect();
        let (long, short): (BTreeSet<String>, BTreeSet<String>) = names.into_iter().partition(|name| name.starts_with("long"));
        let told: BTreeSet<String> = before.union(&long).cloned().collect();
        self.never_again(before, &counts)?;
        let whole = self.whole()?;
        if let Some(name) = told.iter().find(|name| whole.get(*name) != Some(&true)) {
            return Err(format!("'{name}' had finished, and is not recorded or lacks its objects: {whole:?}"));
        }
        if let Some((name, _)) = whole.iter().find(|(name, is_whole)| name.starts_with("long") && !**is_whole) {
            return Err(format!("'{name}' is recorded and lacks its objects"));
        }
        Ok(Found { told, lost: short.iter().filter(|name| whole.get(*name) != Some(&true)).count() })
    }

    /// The stages that dvc.lock records, and whether all their objects are there and trusted.
    fn whole(&self) -> Result<BTreeMap<String, bool>, String> {
        let cache = self.root().join(".dvc/cache/files/md5");
        let mut trusted = BTreeMap::new();
        for path in fs::read_dir(&cache).into_iter().flatten().flatten().flat_map(|dir| fs::read_dir(dir.path()).unwrap().flatten()) {
            let path = path.path();
            let name = path.strip_prefix(&cache).unwrap().to_string_lossy().replace('/', "");
            let bytes = fs::read(&path).unwrap();
            let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o7777;
            let hash: String = Md5::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
            let is_right = name.trim_end_matches(".dir") == hash;
            if mode == 0o444 && !is_right {
                return Err(format!("the object {name} is trusted and holds {} bytes of hash {hash}", bytes.len()));
            }
            // What is executable behind a link is hashed by whoever meets it.
            trusted.insert(name, (is_right && mode & !0o111 == 0o444).then_some(bytes));
        }
        let Ok(text) = fs::read_to_string(self.root().join("dvc.lock")) else { return Ok(BTreeMap::new()) };
        let broken = || format!("dvc.lock is torn:\n{text}");
        let lock: serde_yaml::Value = serde_yaml::from_str(&text).map_err(|_| broken())?;
        let stages = lock.get("stages").and_then(serde_yaml::Value::as_mapping).ok_or_else(broken)?;
        let mut found = BTreeMap::new();
        for (name, entry) in stages {
            let hash = entry["outs"][0]["md5"].as_str().ok_or_else(broken)?;
            let is_whole = match trusted.get(hash) {
                Some(Some(bytes)) if hash.ends_with(".dir") => {
                    let listing: serde_json::Value = serde_json::from_slice(bytes).unwrap();
                    listing.as_array().unwrap().iter().all(|file| trusted.get(file["md5"].as_str().unwrap()).is_some_and(Option::is_some))
                }
                found => found.is_some_and(Option::is_some),
            };
            found.insert(name.as_str().ok_or_else(broken)?.to_owned(), is_whole);
        }
        Ok(found)
    }

    /// How often each stage was started.
    fn counts(&self) -> BTreeMap<String, usize> {
        let files = fs::read_dir(self.scratch.top().join("count")).unwrap().flatten();
        files.map(|file| (file.file_name().into_string().unwrap(), fs::read_to_string(file.path()).unwrap().lines().count())).collect()
    }

    fn never_again(&self, finished: &BTreeSet<String>, before: &BTreeMap<String, usize>) -> Result<(), String> {
        let counts = self.counts();
        match finished.iter().find(|name| counts.get(*name) != before.get(*name)) {
            Some(name) => Err(format!("'{name}' had finished before the power was lost, and was started again")),
            None => Ok(()),
        }
    }

    /// Runs to the end. Real DVC must have nothing to say.
    fn finish(&mut self, dvc: &Path, finished: &BTreeSet<String>) -> Result<(), String> {
        let counts = self.counts();
        let code = self.start().wait_timeout(Duration::from_secs(120)).unwrap().and_then(|status| status.code());
        if code != Some(0) {
            return Err(format!("the last run ended with {code:?}"));
        }
        self.never_again(finished, &counts)?;
        if let Some((name, _)) = self.whole()?.iter().find(|(_, is_whole)| !**is_whole) {
            return Err(format!("at the end '{name}' lacks its objects"));
        }
        let status = Ran::of(self.command(dvc).arg("status"));
        if status.out() != "Data and pipelines are up to date.\n" {
            return Err(format!("{status}"));
        }
        self.unmount();
        Ok(())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.mounted {
            let _ = Command::new("umount").arg("-l").arg(self.scratch.top().join("disk")).output();
        }
    }
}
