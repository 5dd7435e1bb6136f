//! Ids in paths and bodies: an accepted id is canonical, has one type, and contains no separator of a key.

use std::{fmt::Display, str::FromStr};

use clinic_api::id::{AppointmentId, ClinicId, OrgId, PatientId, StaffId, WebhookId};

/// 1 if the text is an id of that type; panics if its text form differs.
fn is_a<I: FromStr + Display>(text: &str) -> usize {
    text.parse::<I>().map_or(0, |id| {
        assert_eq!(id.to_string(), text, "one id is written in one way");
        1
    })
}

/// Panics if the rule above does not hold. Input that is not UTF-8 is refused before.
pub fn check(text: &str) {
    let kinds = is_a::<ClinicId>(text)
        + is_a::<StaffId>(text)
        + is_a::<PatientId>(text)
        + is_a::<AppointmentId>(text)
        + is_a::<WebhookId>(text);
    assert!(kinds <= 1, "an id is of one kind");
    if kinds == 1 {
        let crockford = |byte: u8| {
            byte.is_ascii_digit() || (byte.is_ascii_uppercase() && !b"ILOU".contains(&byte))
        };
        assert!(text.len() == 28 && text.bytes().skip(4).all(crockford));
    }
    if let Ok(id) = text.parse::<AppointmentId>() {
        assert!((1970..=2149).contains(&id.first_date().year()));
    }
    if text.parse::<OrgId>().is_ok() {
        assert!(
            (1..=64).contains(&text.len()) && text.is_ascii() && !text.contains(['#', '/', ' '])
        );
    }
}
