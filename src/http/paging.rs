//! Pagination of lists: `limit`, `cursor`, `consistent`, filters, and the response.

use std::{borrow::Cow, collections::BTreeMap};

use axum::{
    Json,
    extract::FromRequestParts,
    http::{StatusCode, request::Parts},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use utoipa::{
    IntoParams, IntoResponses, PartialSchema, ToSchema,
    openapi::{
        self, ObjectBuilder, Ref, RefOr, Type,
        path::{Parameter, ParameterIn},
        schema::{ArrayBuilder, KnownFormat, Schema, SchemaFormat},
    },
};

use url::form_urlencoded;

use super::{auth::Grant, cursor, response::response, text};
use crate::{
    error::{ApiError, ErrorCode, FieldCode, FieldError},
    keyring::Keyring,
    store::read::{Listed, PageRequest},
};

/// The filters of a list: its own query parameters. A cursor is only valid with the filters for
/// which it was created.
pub trait Filter: DeserializeOwned + Serialize + IntoParams {
    /// The page size if the caller sends no limit.
    const DEFAULT_LIMIT: u16 = 25;
    /// The maximum page size.
    const MAX_LIMIT: u16 = 100;
}

/// No filter.
#[derive(Debug, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct NoFilter {}

impl Filter for NoFilter {}

/// The query of a list without strong consistency, because it comes from an index or from several
/// reads.
pub type IndexQuery<F = NoFilter> = ListQuery<F, false>;

/// The query of a list. `CONSISTENT` allows reads with strong consistency.
#[derive(Debug)]
pub struct ListQuery<F = NoFilter, const CONSISTENT: bool = true> {
    /// The filters.
    pub filter: F,
    page: PageQuery,
    limit: u16,
}

#[derive(Debug, Default, Deserialize)]
struct PageQuery {
    #[serde(default)]
    consistent: bool,
    limit: Option<u16>,
    cursor: Option<String>,
}

impl<F, const CONSISTENT: bool> ListQuery<F, CONSISTENT> {
    /// Returns whether to read with strong consistency.
    pub fn consistent(&self) -> bool {
        self.page.consistent
    }
}

impl<F: Filter, S: Sync, const CONSISTENT: bool> FromRequestParts<S> for ListQuery<F, CONSISTENT> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let query = form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
        let (paging, filter): (Vec<_>, Vec<_>) = query.partition(|(name, _)| match name.as_ref() {
            "limit" | "cursor" => true,
            "consistent" => CONSISTENT,
            _ => false,
        });
        let page: PageQuery = text::read(paging.into_iter())?;
        let filter = text::read(filter.into_iter())?;
        let limit = page.limit.unwrap_or(F::DEFAULT_LIMIT);
        if !(1..=F::MAX_LIMIT).contains(&limit) {
            let message = format!("must be between 1 and {}", F::MAX_LIMIT);
            let error = FieldError::of_parameter("limit", FieldCode::Range, message);
            return Err(ApiError::of_field(ErrorCode::InvalidParameter, error));
        }
        Ok(Self { filter, page, limit })
    }
}

impl<F: Filter, const CONSISTENT: bool> IntoParams for ListQuery<F, CONSISTENT> {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let mut parameters = F::into_params(|| Some(ParameterIn::Query));
        let mut add = |name: &str, description: &str, schema: ObjectBuilder| {
            let parameter = Parameter::builder()
                .name(name)
                .parameter_in(ParameterIn::Query)
                .description(Some(description))
                .schema(Some(schema));
            parameters.push(parameter.build());
        };
        if CONSISTENT {
            let text = "Read with strong consistency: the response reflects all earlier writes. The read consumes twice as much read capacity of the table.";
            let schema = ObjectBuilder::new().schema_type(Type::Boolean);
            add("consistent", text, schema.default(Some(false.into())));
        }
        let limit = ObjectBuilder::new()
            .schema_type(Type::Integer)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int32)))
            .minimum(Some(1))
            .maximum(Some(F::MAX_LIMIT))
            .default(Some(F::DEFAULT_LIMIT.into()));
        add("limit", "The maximum number of items per page.", limit);
        let cursor = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1));
        add("cursor", "`next_cursor` of the previous page.", cursor);
        parameters
    }
}

/// A page of a list.
#[derive(Debug, Clone, Serialize)]
pub struct Page<T> {
    /// The items, in the list's order. A page can have few or no items before the end of the list.
    pub items: Vec<T>,
    /// The cursor of the next page. Absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

impl<T: Serialize> IntoResponse for Page<T> {
    fn into_response(self) -> Response {
        Json(self).into_response()
    }
}

impl<T: ToSchema> IntoResponses for Page<T> {
    fn responses() -> BTreeMap<String, RefOr<openapi::Response>> {
        [response::<Self>(StatusCode::OK, "A page of the list.", &[])].into()
    }
}

impl<T: ToSchema> ToSchema for Page<T> {
    fn name() -> Cow<'static, str> {
        format!("{}Page", T::name()).into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(schemas);
    }
}

impl<T: ToSchema> PartialSchema for Page<T> {
    fn schema() -> RefOr<Schema> {
        let items = ArrayBuilder::new().items(Ref::from_schema_name(T::name())).description(Some(
            "In the list's order. A page can have few or no items before the end of the list.",
        ));
        let cursor = ObjectBuilder::new().schema_type(Type::String).description(Some(
            "Send it as `cursor` to get the next page. Absent on the last page.",
        ));
        ObjectBuilder::new()
            .description(Some("A page of a list."))
            .property("items", items)
            .property("next_cursor", cursor)
            .required("items")
            .into()
    }
}

/// The pagination of one list for one caller. Cursors are bound to both.
pub struct Paging<'a> {
    keyring: &'a Keyring,
    /// The identity of the list. `None` if it could not be serialised: then every cursor is an
    /// error.
    list: Option<String>,
    page: &'a PageQuery,
    limit: u16,
}

impl<'a> Paging<'a> {
    /// Returns the pagination of the granted operation's list under `parent`, with the query's
    /// filters.
    pub fn new<F: Filter, const CONSISTENT: bool>(
        keyring: &'a Keyring,
        grant: &Grant,
        parent: impl Serialize,
        query: &'a ListQuery<F, CONSISTENT>,
    ) -> Self {
        let principal = grant.principal();
        let caller = (&principal.org, &principal.subject);
        let list = (caller, grant.operation(), parent, &query.filter);
        let list = serde_json::to_string(&list).ok();
        Self { keyring, list, page: &query.page, limit: query.limit }
    }

    /// Returns the requested page.
    pub fn request(&self) -> Result<PageRequest, ApiError> {
        let (limit, consistent) = (self.limit, self.page.consistent);
        Ok(PageRequest { after: self.after()?, limit, consistent })
    }

    /// Returns the page size.
    pub fn limit(&self) -> u16 {
        self.limit
    }

    /// Returns the position in the caller's cursor, if there is one.
    pub fn after<P: DeserializeOwned>(&self) -> Result<Option<P>, ApiError> {
        let cursor = self.page.cursor.as_deref();
        cursor.map(|cursor| cursor::open(self.keyring, cursor, self.list()?)).transpose()
    }

    fn list(&self) -> Result<&str, ApiError> {
        self.list.as_deref().ok_or_else(cursor::impossible)
    }

    /// Returns the cursor of the next page, if there is one.
    pub fn next<P: Serialize>(&self, position: Option<&P>) -> Result<Option<String>, ApiError> {
        position.map(|position| cursor::seal(self.keyring, position, self.list()?)).transpose()
    }

    /// Returns the page of records.
    pub fn page<R, T: From<R>>(&self, listed: Listed<R>) -> Result<Page<T>, ApiError> {
        self.page_of(listed, T::from)
    }

    /// Returns the page of records, each converted by `show`.
    pub fn page_of<R, T>(
        &self,
        listed: Listed<R>,
        show: impl FnMut(R) -> T,
    ) -> Result<Page<T>, ApiError> {
        let next_cursor = self.next(listed.next.as_ref())?;
        Ok(Page { items: listed.items.into_iter().map(show).collect(), next_cursor })
    }
}
