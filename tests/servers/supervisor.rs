//! A server outlives its supervisor, for as long as it is used.

use std::thread;
use std::time::{Duration, Instant};

use schema_harness::server::home::Home;
use schema_harness::server::supervisor::start;
use schema_harness::server::{Settings, Wanted, account};

/// A supervisor that is killed is followed by its deputy.
#[test]
fn server_outlives_its_supervisor_but_not_its_users() {
    let settings = Settings::from_environment().expect("settings");
    let settings = Settings { wanted: Wanted::Embedded, url: None, ..settings };
    let home = Home::named(&settings.root, &format!("{}-supervised", std::process::id()));
    let mut supervisor = start(&settings, &home).expect("a supervisor").expect("the only one");
    let joined = home.join(account::owner()).expect("a home to join");
    let (address, membership) = joined.expect("a server");
    supervisor.let_go();
    supervisor.process.kill().expect("kill the supervisor");
    supervisor.wait();
    assert!(address.answers(), "the server answers without its supervisor");
    drop(membership);
    let deadline = Instant::now() + Duration::from_secs(20);
    while home.path().exists() {
        assert!(Instant::now() < deadline, "{} is still there", home.path().display());
        thread::sleep(Duration::from_millis(5));
    }
    assert!(!address.answers(), "the server answers without users");
}
