//! Defaults from the environment and from `larder.toml`.

use larder_tests::{Kitchen, run, toy};

/// The settings that `larder doctor` tells, by name: value and where it was given.
fn setting(doctor: &serde_json::Value, name: &str) -> (String, String) {
    let settings = doctor["settings"].as_array().expect("settings are listed");
    let one = settings.iter().find(|one| one["name"] == name).expect("of that name");
    (one["value"].as_str().unwrap_or_default().to_owned(), one["from"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn a_file_in_a_folder_above_gives_defaults_and_doctor_says_so() {
    let kitchen = Kitchen::empty();
    for (name, seed) in [("tiny", 1), ("other", 2)] {
        kitchen.init(name, seed, &[]);
    }
    let dataset = kitchen.dataset("toy", &[("train", &toy(1, 40))]);
    kitchen.write("larder.toml", "home = \"home\"\nencoder = \"other\"\nthreads = 1\ndevice = \"cpu\"\n");
    std::fs::create_dir(kitchen.path("below")).unwrap();
    let below = |args: &[&str]| {
        let mut command = kitchen.command(args);
        command.current_dir(kitchen.path("below")).env_remove("LARDER_HOME");
        command
    };
    let dataset = format!("../{dataset}");
    run(&mut below(&["encode", &dataset])).exits(0).prints(&["/toy/other/"]);
    run(below(&["encode", &dataset]).env("LARDER_ENCODER", "tiny")).exits(0).prints(&["/toy/tiny/"]);
    run(below(&["encode", &dataset, "-e", "other"]).env("LARDER_ENCODER", "tiny")).exits(0).prints(&["/toy/other/"]);
    let doctor = run(below(&["doctor", "--no-speed", "--json", "--threads", "2"]).env("LARDER_MEMORY", "4GiB"));
    let doctor = doctor.exits(0).json();
    let file = kitchen.path("larder.toml").canonicalize().unwrap().display().to_string();
    assert_eq!(setting(&doctor, "encoder"), ("other".to_owned(), file.clone()));
    assert_eq!(setting(&doctor, "home").1, file);
    assert_eq!(setting(&doctor, "threads"), ("2".to_owned(), "--threads".to_owned()));
    assert_eq!(setting(&doctor, "memory"), ("4GiB".to_owned(), "LARDER_MEMORY".to_owned()));
    let told = run(&mut below(&["doctor", "--no-speed"])).exits(0);
    told.prints(&["encoder = other (", "device = cpu (", "larder.toml)"]);
}

#[test]
fn a_mistake_in_a_default_says_where_it_is() {
    let kitchen = Kitchen::empty();
    run(kitchen.command(&["runs"]).env("LARDER_MEMORY", "plenty"))
        .exits(2)
        .says(&["'plenty' for '--memory <SIZE>'", "it was given by LARDER_MEMORY"]);
    kitchen.write("larder.toml", "encodr = \"tiny\"\n");
    kitchen.larder(&["runs"]).exits(2).says(&["larder.toml: unknown key `encodr`", "did you mean `encoder`?"]);
    kitchen.write("larder.toml", "device = \"gpu\"\n");
    kitchen.larder(&["doctor"]).exits(2).says(&["'gpu' for '--device", "larder.toml"]);
}
