//! A search finds a patient however the name or the number is spelled.

use std::slice;

use serde_json::json;

use super::patient_search::{found, ids, named, patient};
use crate::support::TestApp;

/// The ids of patients, each with the same kind of match, sorted.
fn all(ids: &[String], kind: &str) -> Vec<(String, String)> {
    let mut all: Vec<_> = ids.iter().map(|id| (id.clone(), kind.to_owned())).collect();
    all.sort();
    all
}

async fn sorted(app: &TestApp, name: &str) -> Vec<(String, String)> {
    let mut found = found(app, &[("name", name)]).await;
    found.sort();
    found
}

#[tokio::test]
async fn a_name_in_one_word_or_two_is_one_name() {
    for spellings in [
        &["Jean-Luc", "Jean Luc", "Jeanluc"][..],
        &["O'Brien", "O Brien", "OBrien", "O\u{2019}Brien"],
        &["de la Cruz", "Dela Cruz", "Delacruz"],
    ] {
        let app = TestApp::spawn().await;
        let mut stored = Vec::new();
        for spelling in spellings {
            stored.push(named(&app, spelling, "Ida").await);
            stored.push(named(&app, "Ida", spelling).await);
            stored.push(patient(&app, json!({ "name": format!("Ida {spelling}") })).await);
        }
        for typed in spellings {
            assert_eq!(sorted(&app, typed).await, all(&stored, "exact"), "{typed}");
            let whole = format!("{typed} ida");
            assert_eq!(sorted(&app, &whole).await, all(&stored, "exact"), "{whole}");
        }
        app.check_search().await;
    }
}

#[tokio::test]
async fn words_with_a_space_are_one_word_if_no_other_name_matches() {
    let app = TestApp::spawn().await;
    let one = named(&app, "Keller", "Hanspeter").await;
    for typed in ["Hans-Peter", "hans peter", "hans pe", "keller hans peter"] {
        assert_eq!(ids(&app, &[("name", typed)]).await, slice::from_ref(&one), "{typed}");
    }
    let two = named(&app, "Keller", "Hans Peter").await;
    let both = [one, two.clone()];
    for typed in ["Hans-Peter", "hanspeter", "hans peter keller"] {
        assert_eq!(sorted(&app, typed).await, all(&both, "exact"), "{typed}");
    }
    assert_eq!(ids(&app, &[("name", "hans peter")]).await, [two]);
}

#[tokio::test]
async fn a_name_with_a_hyphen_is_an_exact_match() {
    let app = TestApp::spawn().await;
    let anna = [named(&app, "Example", "Anna-Lena").await];
    for (name, kind) in [
        ("Anna-Lena", "exact"),
        ("lena", "exact"),
        ("anna", "exact"),
        ("annalena example", "exact"),
        ("Anna-Le", "prefix"),
    ] {
        assert_eq!(sorted(&app, name).await, all(&anna, kind), "{name}");
    }
}

#[tokio::test]
async fn a_title_narrows_a_search_and_hides_nobody() {
    let app = TestApp::spawn().await;
    let name = json!({ "family": "Example", "given": ["Ida"], "prefix": "Prof. Dr." });
    let ida = patient(&app, json!({ "name": name })).await;
    let max = named(&app, "Example", "Max").await;
    let both = [ida.clone(), max.clone()];
    for (name, expected, kind) in [
        ("Prof. Ida Example", &both[..1], "exact"),
        ("Dr Ida", &both[..1], "exact"),
        ("Dr. Max Example", &both[1..], "without_title"),
        ("Example, Frau Dr. Ida", &both[..1], "without_title"),
        ("Herr Exam", &both, "without_title"),
        ("Frau Exmaple", &both, "transposed"),
        ("Prof", &[], "exact"),
    ] {
        assert_eq!(sorted(&app, name).await, all(expected, kind), "{name}");
    }
    let [with, without] = [(&both[..1], "exact"), (&both[1..], "without_title")];
    let mut expected = [all(with.0, with.1), all(without.0, without.1)].concat();
    assert_eq!(found(&app, &[("name", "Dr Example")]).await, expected, "the best comes first");
    // Somebody is called like a title.
    let herr = [named(&app, "Herr", "Tom").await];
    expected = all(&herr, "without_title");
    for name in ["Frau Herr", "Prof. Dr. Herr"] {
        assert_eq!(found(&app, &[("name", name)]).await, expected, "{name}");
    }
}

#[tokio::test]
async fn swapped_letters_of_an_umlaut_are_found() {
    let app = TestApp::spawn().await;
    let muller = [named(&app, "Müller", "Ida").await, named(&app, "Mueller", "Ada").await];
    assert_eq!(sorted(&app, "meuller").await, all(&muller, "transposed"));
}

#[tokio::test]
async fn a_telephone_number_is_found_as_it_is_pasted() {
    let app = TestApp::spawn().await;
    let with_phone = |value: &str| json!({ "name": "Ida", "phones": [{ "value": value }] });
    let swiss = patient(&app, with_phone("tel:+41-79-555-12-34")).await;
    let italian = patient(&app, with_phone("0039 06 1234 5678")).await;
    for number in ["+41 (0)79 123 45 67", "+41 79 555 12 35"] {
        assert_eq!(ids(&app, &[("phone", number)]).await, [""; 0], "{number}");
    }
    for number in [
        "+41 (0)79 555 12 34",
        "(0)79 555 12 34",
        "tel:+41795551234",
        "0041 79 555 12 34",
        "+41–79—555‑12‑34",
        "+41\u{a0}79\u{202f}555.12/34",
        "\u{202a}+41 79 555 12 34\u{202c}",
        "\u{200e}\u{2068}079 555 12 34\u{2069}\u{200f}",
    ] {
        assert_eq!(ids(&app, &[("phone", number)]).await, slice::from_ref(&swiss), "{number}");
    }
    for number in ["+39 06 1234 5678", "+39 (0)6 1234 5678", "06 1234 5678"] {
        assert_eq!(ids(&app, &[("phone", number)]).await, slice::from_ref(&italian), "{number}");
    }
}
