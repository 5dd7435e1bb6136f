//! Cursors: the first line names the list, the rest is a cursor from outside, or a position to be sealed.

use std::sync::LazyLock;

use clinic_api::{http::cursor::CursorKeys, store::read::Position};

static KEYS: LazyLock<CursorKeys> = LazyLock::new(CursorKeys::random);

/// Panics if the rule above does not hold. What is not UTF-8 is refused before.
pub fn check(text: &str) {
    let (list, rest) = text.split_once('\n').unwrap_or_default();
    assert!(KEYS.open::<Position>(rest, list).is_err(), "nobody but the service makes a cursor");
    let Ok(position) = serde_json::from_str::<Position>(rest) else {
        return;
    };
    let cursor = KEYS.seal(&position, list).expect("a position can be sealed");
    assert_eq!(KEYS.open(&cursor, list).ok(), Some(position));
    assert!(
        KEYS.open::<Position>(&cursor, &format!("{list}'s neighbour")).is_err(),
        "it is of one list"
    );
    assert!(CursorKeys::random().open::<Position>(&cursor, list).is_err(), "it is of one key");
    for at in [0, list.len() % cursor.len(), rest.len() % cursor.len(), cursor.len() - 1] {
        let mut changed = cursor.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).expect("ASCII");
        assert!(KEYS.open::<Position>(&changed, list).is_err(), "a changed character is seen");
    }
}
