//! A type that has had three shapes, and the release between two of them.

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};

use super::*;
use crate::store::{Entity, ItemType, Key, Record, WriteContext, attributes::string, keys};

const UPCASTS: &[Step] = &[
    // 1 → 2: `title` is renamed to `name`.
    |item| {
        let title = item.remove("title").ok_or("it has no title")?;
        item.insert("name".to_owned(), title);
        Ok(())
    },
    // 2 → 3: `size` changes from a text to a number.
    |item| {
        let size = item.get("size").and_then(|size| size.as_s().ok()).ok_or("it has no size")?;
        let size = AttributeValue::N(
            size.parse::<u32>().map_err(|_| "its size is not a number")?.to_string(),
        );
        item.insert("size".to_owned(), size);
        Ok(())
    },
];

/// 3 → 2.
const DOWNCAST: Step = |item| {
    let size = item.get("size").and_then(|size| size.as_n().ok()).ok_or("it has no size")?;
    let size = string(size);
    item.insert("size".to_owned(), size);
    Ok(())
};

/// A room. `BETWEEN` selects the intermediate release, which still writes version 2.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Room<const BETWEEN: bool> {
    name: String,
    size: u32,
}

impl<const BETWEEN: bool> Record for Room<BETWEEN> {
    const TYPE: &'static str = "room";
    const SHAPES: Shapes =
        Shapes { upcasts: UPCASTS, downcast: if BETWEEN { Some(DOWNCAST) } else { None } };

    fn key(&self) -> Key {
        keys::idempotency(&self.name)
    }
}

fn context() -> WriteContext {
    let org = "ORG-1".parse().unwrap();
    WriteContext::internal(org, "test", "request".to_owned(), jiff::Timestamp::UNIX_EPOCH)
}

fn stored(version: u64, attributes: &[(&str, AttributeValue)]) -> Item {
    let room = Room::<false> { name: "A".to_owned(), size: 12 };
    let mut item = Entity::new(room, &context()).to_item().unwrap();
    item.retain(|name, _| !["name", "size"].contains(&name.as_str()));
    item.insert("v".to_owned(), number(version));
    item.extend(attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    item
}

fn every_shape() -> [Item; 3] {
    [
        stored(1, &[("title", string("A")), ("size", string("12"))]),
        stored(2, &[("name", string("A")), ("size", string("12"))]),
        stored(3, &[("name", string("A")), ("size", number(12))]),
    ]
}

#[test]
fn every_shape_is_read_by_both_releases() {
    for item in every_shape() {
        let room = Entity::<Room<false>>::from_item(item.clone()).unwrap().value;
        assert_eq!(room, Room { name: "A".to_owned(), size: 12 });
        let between = Entity::<Room<true>>::from_item(item).unwrap().value;
        assert_eq!((between.name.as_str(), between.size), ("A", 12));
    }
}

#[test]
fn the_first_release_writes_the_shape_before_and_the_second_the_new_one() {
    let [_, before, newest] = every_shape();
    let between = Entity::<Room<true>>::from_item(newest.clone()).unwrap();
    assert_eq!(between.to_item().unwrap(), before);
    let after = Entity::<Room<false>>::from_item(before).unwrap();
    assert_eq!(after.to_item().unwrap(), newest);
}

#[test]
fn a_backfill_writes_the_current_shape_and_keeps_unknown_attributes() {
    let [_, before, newest] = every_shape();
    for (kind, expected) in
        [(ItemType::of::<Room<false>>(), newest), (ItemType::of::<Room<true>>(), before)]
    {
        for mut item in every_shape() {
            item.insert("other".to_owned(), string("kept"));
            let mut expected = expected.clone();
            expected.insert("other".to_owned(), string("kept"));
            match kind.rewrite(&item).unwrap() {
                None => assert_eq!(item, expected),
                Some(rewritten) => {
                    assert_ne!(item, expected);
                    // Between two releases, a renamed attribute may remain.
                    let known =
                        |item: &Item| Entity::<Room<false>>::from_item(item.clone()).unwrap();
                    assert_eq!(known(&rewritten), known(&expected));
                    assert_eq!(rewritten["v"], expected["v"]);
                    assert_eq!(rewritten["other"], string("kept"));
                }
            }
        }
    }
}

#[test]
fn shapes_of_later_releases_are_refused() {
    let item = stored(4, &[("name", string("A")), ("size", number(12))]);
    let refused = Entity::<Room<false>>::from_item(item).unwrap_err();
    assert!(matches!(refused, StoreError::NewerShape { version: 4, .. }), "{refused}");
    let unversioned = [stored(0, &[]), stored(1, &[("v", string("1"))])];
    for item in unversioned {
        let refused = Entity::<Room<false>>::from_item(item).unwrap_err();
        assert!(matches!(refused, StoreError::Corrupt { .. }), "{refused}");
    }
}
