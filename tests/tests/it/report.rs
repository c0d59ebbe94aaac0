//! `larder report`: one page from runs, by its text and in a real browser.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use larder_tests::{Kitchen, Random, number, repository, tagged_toy, toy};
use serde_json::json;

/// One strength and no class weights: fits take time.
const QUICK: [&str; 4] = ["--c", "1", "--class-weight", "none"];
/// What a text or a label may try.
const HOSTILE: &str = "</title></svg><script>alert(1)</script><img src=x onerror=alert(1)>&amp;\"'";

/// Rows whose labels and texts are hostile: colours against moves, so that there is something to learn, and mistakes.
fn hostile(seed: u64, rows: usize) -> Vec<(String, &'static str)> {
    let mut random = Random::new(seed);
    toy(seed, rows)
        .into_iter()
        .map(|(text, label)| {
            let label = if random.below(5) == 0 { "<b>move</b>" } else { label };
            (format!("{text} {HOSTILE}"), if label == "move" { "<b>move</b>" } else { label })
        })
        .collect()
}

/// A kitchen with the run `plain` of the dataset `toy`.
fn kitchen() -> Kitchen {
    let kitchen = Kitchen::with_tiny();
    let dataset = kitchen.dataset("toy", &[("train", &hostile(1, 150)), ("dev", &hostile(2, 90))]);
    let args = ["run", &dataset, "-e", "tiny", "--run", "plain"];
    kitchen.ok(&[&args[..], &QUICK].concat());
    kitchen
}

fn page(kitchen: &Kitchen, runs: &[&str]) -> String {
    let file = kitchen.path("page.html").display().to_string();
    kitchen.ok(&[&["report"], runs, &["-o", &file]].concat()).prints(&[&file]);
    std::fs::read_to_string(&file).expect("the page is UTF-8")
}

/// Fails unless the elements of the page are closed as they were opened, every id is there once, every place that is linked to
/// is there, and nothing is fetched. Gives the elements and how often they are there.
#[track_caller]
fn check(page: &str) -> BTreeMap<String, usize> {
    const VOID: [&str; 1] = ["meta"];
    let (mut open, mut ids, mut links) = (Vec::new(), Vec::new(), Vec::new());
    let mut elements: BTreeMap<String, usize> = BTreeMap::new();
    let mut rest = page.strip_prefix("<!DOCTYPE html>").expect("an HTML page");
    while let Some(start) = rest.find('<') {
        let tag = &rest[start + 1..];
        let end = tag.find('>').unwrap_or_else(|| panic!("a tag without an end: {}", &tag[..tag.len().min(80)]));
        let (tag, after) = (&tag[..end], &tag[end + 1..]);
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "closed before {}", &after[..after.len().min(80)]);
            continue;
        }
        let name: String = tag.chars().take_while(|c| c.is_ascii_alphanumeric()).collect();
        assert!(!name.is_empty(), "no element: <{tag}>");
        assert_eq!(tag.matches('"').count() % 2, 0, "quotes that do not match: <{tag}>");
        *elements.entry(name.clone()).or_default() += 1;
        for (attribute, found) in [(" id=\"", &mut ids), (" href=\"", &mut links)] {
            if let Some((_, value)) = tag.split_once(attribute) {
                found.push(value.split('"').next().unwrap_or_default().to_owned());
            }
        }
        // What stands outside of quotes are the attributes' names.
        let attributes: Vec<&str> = tag.split('"').step_by(2).flat_map(str::split_whitespace).skip(1).collect();
        let safe = attributes.iter().all(|name| *name != "src=" && !name.starts_with("on"));
        assert!(safe, "what could be fetched or run: <{tag}>");
        if !tag.ends_with('/') && !VOID.contains(&name.as_str()) {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "never closed: {open:?}");
    let mut once = ids.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), ids.len(), "ids that are not unique: {ids:?}");
    for link in links {
        let place = link.strip_prefix('#').unwrap_or_else(|| panic!("a link that leaves the page: {link}"));
        assert!(once.binary_search(&place.to_owned()).is_ok(), "a link to nowhere: {link}");
    }
    assert!(!page.contains("http:") && !page.contains("https:") && !page.contains("@import") && !page.contains("url("));
    assert!(!page.contains("#0102"), "a colour that the style sheet was to give");
    elements
}

#[test]
fn the_page_tells_what_eval_tells_and_escapes_what_texts_and_labels_say() {
    let kitchen = kitchen();
    let page = page(&kitchen, &["plain"]);
    let elements = check(&page);
    assert_eq!(elements["script"], 1, "the page's own script and no other");
    assert!(!elements.contains_key("img") && !elements.contains_key("b"), "{elements:?}");
    assert!(page.contains("&lt;/title&gt;&lt;/svg&gt;&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(page.contains("&lt;b&gt;move&lt;/b&gt;"));

    let scores = kitchen.json(&["eval", "plain"]);
    for place in ["scores/mcc", "scores/accuracy", "scores/macro_f1", "majority/scores/accuracy", "log_loss"] {
        let value = format!("{:.3}", number(&scores, &format!("/splits/0/{place}")));
        assert!(page.contains(&format!(">{value}<")), "{place} {value} is not on the page");
    }
    for heading in [
        "aria-label=\"Contents\"",
        "What stands out",
        "On dev",
        "Confusion matrix",
        "Reliability: expected calibration error",
        "Precision and recall of",
        "The most confident mistakes",
        "Embeddings",
        "Training",
        "Lengths and padding",
        "How it was made",
    ] {
        assert!(page.contains(heading), "{heading} is missing");
    }
    // A point a row of dev, each with its text.
    let points = page.split("data-points>").nth(1).expect("the scatter").split("</svg>").next().unwrap_or_default();
    assert_eq!(points.matches("<title>").count(), 90);
    // Equal runs, equal pages.
    assert_eq!(page, self::page(&kitchen, &["plain"]));
}

#[test]
fn several_runs_stand_side_by_side_whatever_they_predict() {
    let kitchen = kitchen();
    kitchen.ok(&["run", "toy.toml", "-e", "tiny", "--run", "mlp", "--head", "mlp", "--epochs", "4"]);
    let tune = ["finetune", "toy.toml", "-e", "tiny", "--lr", "2e-3", "--epochs", "2", "--run", "tuned"];
    kitchen.ok(&tune);
    let tags = kitchen.tagging("names", &[("train", &tagged_toy(1, 80)), ("dev", &tagged_toy(2, 40))]);
    kitchen.ok(&["run", &tags, "-e", "tiny", "--run", "tags", "--c", "1"]);
    let page = page(&kitchen, &["plain", "mlp", "tuned", "tags", "plain"]);
    let elements = check(&page);
    assert_eq!(elements["article"], 4, "a run named twice is there once");
    assert!(elements["mark"] > 10, "sentences with their entities: {elements:?}");
    for part in [
        "learning rate",
        "norm of the gradient",
        "training loss (nats)",
        "loss (nats)",
        "What differs",
        "By type",
        "conlleval",
        "✗",
        "words of dev on the plane",
    ] {
        assert!(page.contains(part), "{part} is missing");
    }
    for difference in
        kitchen.json(&["compare", "plain", "mlp", "tuned"])["splits"][0]["differences"].as_array().expect("pairs")
    {
        let (better, than) = (difference["better"].as_str().unwrap(), difference["than"].as_str().unwrap());
        let words = match difference["told_apart"] == true {
            true => format!("{better} is better than {than} on dev: MCC "),
            false => format!("{better} and {than} cannot be told apart on dev: MCC "),
        };
        let number = format!("{words}{:+.3}, 95 % interval ", number(difference, "/difference"));
        assert!(page.contains(&number), "{number}");
    }
    let scores = kitchen.json(&["eval", "tags"]);
    let f1 = format!("{:.3}", number(&scores, "/splits/0/scores/strict/micro/f1"));
    assert!(page.contains(&format!(">{f1}<")), "strict F1 {f1}");
    in_a_browser("several", &page);
}

#[test]
fn a_page_without_texts_has_none_of_the_data() {
    let kitchen = kitchen();
    let tags = kitchen.tagging("names", &[("train", &tagged_toy(1, 80)), ("dev", &tagged_toy(2, 40))]);
    kitchen.ok(&["run", &tags, "-e", "tiny", "--run", "tags", "--c", "1"]);
    let (full, bare) = (page(&kitchen, &["plain", "tags"]), page(&kitchen, &["plain", "tags", "--no-texts"]));
    check(&bare);
    let words: Vec<String> = toy(2, 90).into_iter().map(|(text, _)| text).collect();
    let sentences = tagged_toy(2, 40);
    let names = sentences.iter().flat_map(|sentence| &sentence.words).filter(|word| word.len() > 5);
    let mut found = 0;
    for text in words.iter().chain(names) {
        found += usize::from(full.contains(text.as_str()));
        assert!(!bare.contains(text.as_str()), "`{text}` is on the page");
    }
    assert!(found > 20, "{found} texts are on the other page");
    assert!(!bare.contains("alert(1)"));
    for kept in ["Confusion matrix", "The most confident mistakes", "By type", "What stands out"] {
        assert!(bare.contains(kept), "{kept}");
    }
}

#[test]
fn five_runs_of_a_thousand_rows_fit_into_two_megabytes() {
    let kitchen = Kitchen::with_tiny();
    let text = |text: &str| format!("{text} {}", "and so on and so forth ".repeat(8));
    let rows = |seed, count| -> Vec<(String, &'static str)> {
        let mut random = Random::new(seed);
        // No more than chance: half of the answers are mistakes.
        toy(seed, count).into_iter().map(|(words, _)| (text(&words), ["one", "two"][random.below(2)])).collect()
    };
    let dataset = kitchen.dataset("toy", &[("train", &rows(1, 200)), ("dev", &rows(2, 1000))]);
    let runs = ["a", "b", "c", "d", "e"];
    for (seed, run) in runs.iter().enumerate() {
        let seed = seed.to_string();
        kitchen.ok(&[&["run", &dataset, "-e", "tiny", "--run", run, "--seed", &seed][..], &QUICK].concat());
    }
    let page = page(&kitchen, &runs);
    check(&page);
    assert!(page.len() < 2_000_000, "{} bytes", page.len());
}

#[test]
fn what_is_not_there_is_said_and_the_rest_stands() {
    let kitchen = kitchen();
    let run = kitchen.path("home/runs/plain");
    for folder in ["features", "tokens"] {
        std::fs::remove_dir_all(kitchen.path("home").join(folder)).expect("the caches are there");
    }
    let without_caches = page(&kitchen, &["plain"]);
    check(&without_caches);
    for part in
        ["the features of dev are no longer in the cache", "The tokens of dev are no longer", "larder eval plain"]
    {
        assert!(without_caches.contains(part), "{part}");
    }
    assert!(without_caches.contains("Confusion matrix") && without_caches.contains("Reliability"));

    std::fs::write(run.join("predictions.parquet"), b"PAR1 and no more").expect("can be written");
    let cut = page(&kitchen, &["plain"]);
    check(&cut);
    assert!(cut.contains("predictions.parquet cannot be read") && cut.contains("Confusion matrix"));

    std::fs::write(run.join("metrics.json"), b"{\"task\": \"seq").expect("can be written");
    assert!(page(&kitchen, &["plain"]).contains("metrics.json cannot be read"));
    for file in ["metrics.json", "predictions.parquet"] {
        std::fs::remove_file(run.join(file)).expect("is there");
    }
    let bare = page(&kitchen, &["plain"]);
    check(&bare);
    assert!(
        bare.contains("The run was not evaluated: <code>larder eval plain</code> does that.")
            && bare.contains("How it was made")
    );

    let output = kitchen.path("new/folder/page.html").display().to_string();
    let told = kitchen.json(&["report", "plain", "-o", &output]);
    let length = std::fs::metadata(&output).expect("the page").len();
    assert_eq!(told, json!({ "path": output, "bytes": length, "runs": ["plain"] }));
    kitchen.larder(&["report", "plain", "none", "-o", &output]).exits(4).says(&["there is no run `none`", "plain"]);
    kitchen.larder(&["report", "plain"]).exits(2).says(&["--output"]);
    kitchen.assert_tidy();
}

#[test]
fn the_page_of_a_diagnosis_shows_its_rows_and_its_learning_curve() {
    let kitchen = kitchen();
    let row = json!({ "split": "train", "example_id": "7", "text": HOSTILE, "note": "labelled `move`" });
    let finding = json!({
        "kind": "label_errors", "split": null, "finding": "some labels look wrong", "evidence": "3 of 150", "remedy": "read them",
        "rows": [row],
    });
    let point = |rows: u32, score: f64| json!({ "rows": rows, "score": score, "metric": "mcc" });
    let diagnosis = json!({
        "format_version": 1, "run": "plain", "findings": [finding],
        "learning_curve": [point(50, 0.1), point(100, 0.2), point(150, 0.25)],
    });
    std::fs::write(kitchen.path("home/runs/plain/diagnosis.json"), diagnosis.to_string()).expect("can be written");
    let page = page(&kitchen, &["plain"]);
    let elements = check(&page);
    assert_eq!(elements["script"], 1);
    for part in
        ["Some labels look wrong.", "3 of 150.", "Read them.", "labelled <code>move</code>", "by the rows fitted on"]
    {
        assert!(page.contains(part), "{part}");
    }
}

/// A browser of the Chromium family, by its usual names.
fn browser() -> Option<PathBuf> {
    let folders: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH")?).collect();
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name))).find(|path| path.is_file())
}

/// Opens the page on a wide screen, in the dark and on a phone: nothing may be said on the console, and a phone's page may not
/// be wider than the phone. Screenshots go to `LARDER_SCREENSHOTS`, where that is set.
#[track_caller]
fn in_a_browser(name: &str, page: &str) {
    let Some(browser) = browser() else {
        assert!(
            std::env::var_os("LARDER_TEST_BROWSER").is_none(),
            "LARDER_TEST_BROWSER is set, and there is no chromium on PATH: install it (Debian, Ubuntu: apt install chromium)"
        );
        eprintln!("SKIPPED: the page was not opened in a browser: there is no chromium on PATH");
        return;
    };
    let folder = tempfile::Builder::new().prefix("larder-browser").tempdir().expect("a temporary folder");
    let file = folder.path().join("page.html");
    std::fs::write(&file, page).expect("can be written");
    let shots = std::env::var_os("LARDER_SCREENSHOTS").map(|to| repository().join(to));
    if let Some(shots) = &shots {
        std::fs::create_dir_all(shots).expect("can be made");
    }
    let open = |file: &Path, dark: bool, more: &[String]| -> String {
        let mut command = Command::new(&browser);
        command.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]);
        command.args(["--disable-background-networking", "--disable-component-update", "--disable-sync"]);
        command.args(["--hide-scrollbars", "--enable-logging=stderr", "--v=0"]);
        command.arg(format!("--blink-settings=preferredColorScheme={}", if dark { 0 } else { 1 }));
        command.arg(format!("--user-data-dir={}", folder.path().join("profile").display()));
        command.args(more).arg(format!("file://{}", file.display()));
        let output = command.output().expect("the browser starts");
        let said = String::from_utf8_lossy(&output.stderr);
        let console: Vec<&str> = said.lines().filter(|line| line.contains("CONSOLE")).collect();
        assert!(output.status.success() && console.is_empty(), "{name}: {console:#?}\n{said}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };

    // The page in a frame of a phone's width tells its own width and height, and what its script does.
    let measured = open(&phone(folder.path(), page), false, &["--dump-dom".to_owned()]);
    let told = measured.split("<output>").nth(1).and_then(|rest| rest.split("</output>").next());
    let told: Vec<&str> = told.expect("the frame was measured").split(' ').collect();
    let [width, height, colour, text, first, all, chosen, count] = told[..] else { panic!("{told:?}") };
    assert_eq!(width, "390", "{name}: the page is wider than a phone of 390 pixels");
    assert_eq!(text, "said", "{name}: the text of a point that is pointed at");
    let rows = |text: &str| text.parse::<u32>().expect("a number");
    assert!(rows(first) <= 15 && rows(all) >= rows(first), "{name}: {first} mistakes are shown first, then {all}");
    assert_eq!(chosen, count, "{name}: the rows of a cell of the confusion matrix");
    let height: u32 = height.parse().expect("a number");
    let in_the_dark = open(&phone(folder.path(), page), true, &["--dump-dom".to_owned()]);
    assert!(!in_the_dark.contains(&format!(" {colour} ")), "{name}: the dark page has the light one's background");

    let Some(shots) = shots else { return };
    for (kind, size, dark) in [("wide", 1280, false), ("dark", 1280, true), ("phone", 390, false)] {
        let shot = shots.join(format!("{name}-{kind}.png"));
        // Taller pages than a picture can be are cut.
        let height = if kind == "phone" { height.min(16_000) } else { (height * 2 / 3).min(16_000) };
        open(&file, dark, &[format!("--screenshot={}", shot.display()), format!("--window-size={size},{height}")]);
        assert!(std::fs::metadata(&shot).is_ok_and(|file| file.len() > 10_000), "{}", shot.display());
    }
}

/// A page with `page` in a frame of 390 pixels, that writes down width, height, background and whether a point's text is said.
fn phone(folder: &Path, page: &str) -> PathBuf {
    let file = folder.join("phone.html");
    let mut outer = String::from(
        "<!DOCTYPE html><meta charset=\"utf-8\"><meta name=\"color-scheme\" content=\"light dark\">\
         <style>iframe { border: 0; width: 390px; display: block }</style><iframe></iframe><script>\n",
    );
    let text = serde_json::to_string(page).expect("a text").replace('<', "\\u003c");
    let _ = write!(outer, "const text = {text};");
    outer.push_str(
        r#"
const frame = document.querySelector("iframe");
frame.onload = () => {
  const page = frame.contentDocument;
  const root = page.documentElement;
  const widest = Math.max(root.scrollWidth, page.body.scrollWidth);
  const point = [...page.querySelectorAll("svg[data-points] use")].find((one) => one.querySelector("title"));
  point.dispatchEvent(new frame.contentWindow.MouseEvent("click", { bubbles: true }));
  const said = point.closest("figure").querySelector(".said").textContent === point.querySelector("title").textContent;
  const colour = frame.contentWindow.getComputedStyle(page.body).backgroundColor.replaceAll(" ", "");
  const box = page.querySelector(".browse");
  const visible = () => [...box.querySelectorAll("tbody tr")].filter((row) => !row.hidden).length;
  const first = visible();
  box.querySelector("th button").click();
  box.querySelector(".controls button").click();
  const all = visible();
  const cell = box.closest("section").querySelector("td[role=button]");
  cell.click();
  const told = document.createElement("output");
  const browsed = [first, all, visible(), cell.textContent];
  told.textContent = [widest, root.scrollHeight, colour, said ? "said" : "silent", ...browsed].join(" ");
  document.body.append(told);
};
frame.srcdoc = text;
</script>"#,
    );
    std::fs::write(&file, outer).expect("can be written");
    file
}

/// A page of what a run finds in texts that nobody has labelled.
#[test]
fn new_texts_are_shown_with_their_answers() {
    let kitchen = kitchen();
    let tags = kitchen.tagging("names", &[("train", &tagged_toy(1, 80)), ("dev", &tagged_toy(2, 40))]);
    kitchen.ok(&["run", &tags, "-e", "tiny", "--run", "tags", "--c", "1"]);
    let texts: Vec<String> = toy(7, 40).into_iter().map(|(text, _)| format!("{text} {HOSTILE}")).collect();
    let objects = texts.iter().map(|text| json!({ "text": text }).to_string() + "\n").collect::<String>();
    kitchen.write("new.jsonl", objects);
    let found = page(&kitchen, &["plain", "--input", "new.jsonl"]);
    let elements = check(&found);
    assert_eq!((elements["script"], elements.contains_key("img")), (1, false), "{elements:?}");
    assert_eq!(found.matches("&lt;script&gt;alert(1)").count(), 40, "a row a text");
    // The counts are those of `larder predict`.
    let answers = kitchen.larder(&["predict", "plain", "--input", "new.jsonl", "--json"]).exits(0).json_lines();
    let moves = answers.iter().filter(|answer| answer["label"] == "<b>move</b>").count();
    assert!(found.contains(&format!("&lt;b&gt;move&lt;/b&gt;</td><td class=\"number\">{moves}</td>")), "{moves}");
    let ten = page(&kitchen, &["plain", "--input", "new.jsonl", "--limit", "10"]);
    assert!(
        ten.contains("the first 10 rows; <") || ten.contains("the first 10 rows; `--limit` reads more"),
        "{}",
        &ten[..900]
    );
    let bare = page(&kitchen, &["plain", "--input", "new.jsonl", "--no-texts"]);
    assert!(!bare.contains("alert(1)") && bare.contains(&format!("{moves}</td>")));

    let words = tagged_toy(9, 30).iter().map(|sentence| sentence.words.join(" ") + "\n").collect::<String>();
    kitchen.write("new.txt", &words);
    let found = page(&kitchen, &["tags", "--input", "new.txt", "--input-format", "words"]);
    let elements = check(&found);
    let answers = kitchen
        .larder(&["predict", "tags", "--input", "new.txt", "--input-format", "words", "--json"])
        .exits(0)
        .json_lines();
    let entities: usize = answers.iter().map(|answer| answer["entities"].as_array().expect("a list").len()).sum();
    assert!(entities > 5, "{entities}");
    let types = found.matches("<li><mark ").count();
    assert_eq!(elements["mark"], entities + types, "each entity is marked, and each type explained");
    let shown = found.split("<script>").next().unwrap_or_default().split("</style>").nth(1).unwrap_or_default();
    assert!(!shown.contains('✗') && !shown.contains("gold"), "nobody knows what is right");

    kitchen.write("bad.jsonl", "{\"text\": \"a red fox\"}\n{\"text\": 7}\n");
    let output = kitchen.path("bad.html").display().to_string();
    let bad = ["report", "plain", "--input", "bad.jsonl", "-o", &output];
    kitchen.larder(&bad).exits(3).says(&["bad.jsonl, line 2"]);
    kitchen.ok(&[&bad[..], &["--on-bad-row", "skip"]].concat());
    kitchen.larder(&["report", "plain", "tags", "--input", "new.jsonl", "-o", &output]).exits(2).says(&["one run"]);
    kitchen.larder(&["report", "plain", "--limit", "7", "-o", &output]).exits(2).says(&["--input"]);
    kitchen.assert_tidy();
}
