//! Cursors: the first line names the list, the rest is a cursor from a caller, or a position to encrypt.

use std::sync::LazyLock;

use clinic_api::{
    http::cursor::{open, seal},
    keyring::Keyring,
    store::read::Position,
};

static KEYS: LazyLock<Keyring> = LazyLock::new(Keyring::random);

/// Panics if a forged or changed cursor is accepted. Input that is not UTF-8 is refused before.
pub fn check(text: &str) {
    let (list, rest) = text.split_once('\n').unwrap_or_default();
    assert!(open::<Position>(&KEYS, rest, list).is_err(), "nobody but the service makes a cursor");
    let Ok(position) = serde_json::from_str::<Position>(rest) else {
        return;
    };
    let cursor = seal(&KEYS, &position, list).expect("a position can be sealed");
    assert_eq!(open(&KEYS, &cursor, list).ok(), Some(position));
    assert!(
        open::<Position>(&KEYS, &cursor, &format!("{list}'s neighbour")).is_err(),
        "it is of one list"
    );
    assert!(open::<Position>(&Keyring::random(), &cursor, list).is_err(), "it is of one key");
    for at in [0, list.len() % cursor.len(), rest.len() % cursor.len(), cursor.len() - 1] {
        let mut changed = cursor.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).expect("ASCII");
        assert!(open::<Position>(&KEYS, &changed, list).is_err(), "a changed character is seen");
    }
}
