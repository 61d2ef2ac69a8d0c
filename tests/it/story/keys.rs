//! The key `t` on a terminal tells how it stands; and whatever happens, the terminal is left as it
//! was, and nobody is stopped for touching it.

use crate::support::project::Project;
use crate::support::pty::Pty;
use crate::support::{is_alive, on_threads};

/// Two stages that wait for `../go`, or for the end of the test with its folder, of which one may run at a time.
fn slow() -> Project {
    let wait = "touch ../mark; echo epoch 7; until test -e ../go || ! test -e ../mark; do sleep 0.05; done; echo > NAME.txt";
    let stage = |project: Project, name: &str| project.stage(name, |s| s.cmd(&wait.replace("NAME", name)).out(&format!("{name}.txt")));
    stage(stage(Project::new(), "t1"), "t2").file("paraffin.yaml", "queue: {'t*': gpu}\nqueues: {gpu: {slots: 1}}\n")
}

/// A run with two jobs that is at work, and gives its terminal back only at its end.
fn started(project: &Project, words: &str) -> Option<Pty> {
    let mut pty = Pty::open(project)?;
    pty.press(&format!("$PARAFFIN repro {words}\n"));
    pty.until("the stage", || project.has("../mark"));
    Some(pty)
}

/// Presses `t` until all is as it will stay: the second stage may still be checked.
#[track_caller]
fn ask(pty: &mut Pty) {
    pty.until("keys", || pty.gives_keys());
    let mut seen = String::new();
    while !seen.contains("Stage 't2' waits for a slot of the queue 'gpu'") {
        pty.take();
        pty.press("t");
        seen = pty.wait_for("has run for ");
        std::thread::sleep(std::time::Duration::from_millis(50));
        seen += &pty.take();
    }
}

/// The shell has its terminal back, and this was the exit code.
#[track_caller]
fn over(pty: &mut Pty, code: i32) {
    pty.until("the terminal as it was", || pty.is_ordinary());
    pty.press("echo co''de $?\n");
    pty.wait_for(&format!("code {code}\r\n"));
}

#[test]
fn t_tells_how_it_stands_also_after_a_pause() {
    let project = slow();
    let Some(mut pty) = started(&project, "--jobs 2") else { return };
    ask(&mut pty);
    for resume in ["fg\n", "bg\nfg\n"] {
        pty.press("\x1a");
        pty.until("the terminal as it was", || pty.is_ordinary());
        pty.press("echo pau''se\n");
        pty.wait_for("pause\r\n");
        pty.press(resume);
        ask(&mut pty);
    }
    project.write("../go", "");
    over(&mut pty, 0);
    assert!(project.has("t1.txt") && project.has("t2.txt"));
}

#[test]
fn a_run_in_the_background_leaves_the_terminal_alone() {
    let project = slow();
    let Some(mut pty) = started(&project, "--jobs 2 &") else { return };
    pty.press("t\n");
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert!(pty.is_ordinary());
    // A job that was stopped would be told of here.
    pty.press("jobs; echo lis''ted\n");
    let listed = pty.wait_for("listed\r\n");
    assert!(listed.contains("Running") && !listed.contains("has run for"), "{listed}");
    project.write("../go", "");
    pty.press("wait; echo co''de $?\n");
    pty.wait_for("code 0\r\n");
}

#[test]
fn the_terminal_is_not_ours_where_others_may_read_it() {
    // A stage that has it; a pager that shows what is printed; lines that were typed ahead.
    for words in ["--jobs 1", "--jobs 2 | cat", "--jobs 2 2>&1 | cat", "--jobs 2 > ../out 2>&1", "--jobs 2\necho after"] {
        let project = slow();
        let Some(mut pty) = started(&project, words) else { return };
        std::thread::sleep(std::time::Duration::from_millis(300));
        assert!(!pty.gives_keys(), "{words}: {}", pty.end());
        project.write("../go", "");
        over(&mut pty, 0);
    }
}

#[test]
fn whatever_ends_the_run_the_terminal_is_as_it_was() {
    let kill = |name: &'static str| move |_: &mut Pty, project: &Project| drop(project.sh(&format!("kill -{name} $(cat ../pid)")));
    let press = |keys: &'static str| {
        move |pty: &mut Pty, _: &Project| {
            for key in keys.chars() {
                pty.press(&key.to_string());
                std::thread::sleep(std::time::Duration::from_millis(150));
            }
        }
    };
    // What ends the stage, and requests while it is being saved.
    fn three(first: impl Fn(&mut Pty, &Project) + Sync, others: impl Fn(&mut Pty, &Project) + Sync) -> impl Fn(&mut Pty, &Project) + Sync {
        move |pty, project| {
            first(pty, project);
            pty.until("the end of the stage", || project.has("../ended"));
            std::thread::sleep(std::time::Duration::from_millis(300));
            others(pty, project);
        }
    }
    type Way<'a> = (&'a str, i32, Box<dyn Fn(&mut Pty, &Project) + Sync>);
    let ways: [Way<'_>; 8] = [
        ("ctrl-c", 252, Box::new(press("\x03"))),
        ("two", 252, Box::new(press("\x03\x03"))),
        ("quit", 131, Box::new(press("\x1c"))),
        ("term", 252, Box::new(kill("TERM"))),
        ("hup", 252, Box::new(kill("HUP"))),
        ("three", 130, Box::new(three(press("\x03"), press("\x03\x03")))),
        ("failure", 255, Box::new(|_, project| project.write("../go", ""))),
        (
            "three terms",
            143,
            Box::new(three(
                |_, project| project.write("../go", ""),
                |_, project| {
                    drop(project.sh("for n in 1 2 3; do kill -TERM $(cat ../pid); sleep 0.15; done"));
                },
            )),
        ),
    ];
    on_threads(4, &ways, |(name, code, act)| {
        // A stage that is interrupted and ends well is saved, as one that ends by itself; hashing this takes longer than three requests.
        let well = "truncate -s 100G t1.txt; touch ../ended; exit 0";
        let (trap, last) = match *name {
            "two" => ("", "exit 3"),
            "three" => (well, "exit 3"),
            "three terms" => ("exit 3", well),
            _ => ("exit 3", "exit 3"),
        };
        let wait = "until test -e ../go || ! test -e ../mark; do sleep 0.05; done";
        let cmd = format!("trap '{trap}' INT TERM; echo $PPID > ../pid; echo $$ > ../stage; touch ../mark; {wait}; {last}");
        let project = Project::new().stage("t1", |s| s.cmd(&cmd).out("t1.txt"));
        let Some(mut pty) = started(&project, "--jobs 2") else { return };
        pty.until("keys", || pty.gives_keys());
        act(&mut pty, &project);
        over(&mut pty, *code);
        // Nobody ends what a program leaves that was told to quit.
        project.write("../go", "");
        pty.until("the end of the stage", || !is_alive(project.read("../stage").trim()));
    });
}

#[test]
fn who_asks_the_user_gets_the_keys() {
    let dvc = "#!/bin/sh\ncase \"$*\" in *status*) touch ../asks; read word < /dev/tty; echo $word > ../word; echo '{}';; esac\n";
    let wait = "touch ../mark; until test -e ../go || ! test -e ../mark; do sleep 0.05; done; echo > a.txt";
    let project = Project::new()
        .file("../dvc", dvc)
        .stage("a", |s| s.cmd(wait).out("a.txt"))
        .stage("far", |s| s.cmd("echo > b.txt").dep("http://127.0.0.1:9/x").out("b.txt"));
    project.sh("chmod +x ../dvc");
    let Some(mut pty) = Pty::open(&project) else { return };
    pty.press("DVC_PARAFFIN_DVC=$PWD/../dvc $PARAFFIN repro --jobs 2\n");
    pty.until("a question", || project.has("../asks"));
    pty.until("the terminal as it was", || pty.is_ordinary());
    pty.press("typed\n");
    pty.until("the answer", || project.has("../word") && project.read("../word") == "typed\n");
    pty.until("keys", || project.has("../mark") && pty.gives_keys());
    project.write("../go", "");
    pty.until("the end", || pty.is_ordinary());
}
