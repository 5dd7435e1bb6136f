//! The registration of an aggregate, for the router, the policy, the OpenAPI document and the
//! operator commands.

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
    /// The tag of its operations, and the tag's description. Aggregates may share a tag.
    pub tag: (&'static str, &'static str),
    /// The types of its items.
    pub item_types: &'static [ItemType],
    /// The policy of its operations. An operation without a rule is forbidden for everyone.
    pub policy: &'static [PolicyRule],
    /// The page of the guide about its tag.
    pub guide: Option<&'static str>,
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
