//! The registration of an aggregate: all that the router, the policy, the document and the operators' commands need of it.

use utoipa::{
    ToSchema,
    openapi::{RefOr, Schema},
};
pub use utoipa_axum::{router::OpenApiRouter, routes};

use crate::app::AppState;
pub use crate::{
    http::{
        Page,
        auth::policy::{NO, ORG, OWN, PolicyRule, SELF, public, rule},
    },
    records::shown::Shown,
    store::{ItemType, Record},
};

/// An aggregate's registration.
#[derive(Clone, Copy)]
pub struct Aggregate {
    /// The tag of its operations, and the tag's description; none if they have another aggregate's tag.
    pub tag: (&'static str, &'static str),
    /// The types of its items.
    pub item_types: &'static [ItemType],
    /// The policy of its operations. An operation without a rule is refused to everybody.
    pub policy: &'static [PolicyRule],
    /// Its operations.
    pub routes: fn() -> OpenApiRouter<AppState>,
    /// Adds the schemas of its responses.
    pub schemas: fn(&mut Schemas),
}

/// Schemas by name.
#[derive(Default)]
pub struct Schemas(pub Vec<(String, RefOr<Schema>)>);

impl Schemas {
    /// Adds a schema and those that it refers to.
    pub fn add<T: ToSchema>(&mut self) -> &mut Self {
        self.0.push((T::name().into_owned(), T::schema()));
        T::schemas(&mut self.0);
        self
    }
}
