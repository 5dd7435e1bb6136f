//! Pages of a list: `limit`, `cursor`, `consistent`, filters, and the response.

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
        schema::{ArrayBuilder, KnownFormat, Schema, SchemaFormat, SchemaType},
    },
};

use url::form_urlencoded;

use super::{auth::Grant, cursor, params::from_query, response::response};
use crate::{
    error::{ApiError, ErrorCode},
    keyring::Keyring,
    store::read::{Listed, PageRequest},
};

/// The filters of a list: its own query parameters. A cursor is good only for the filters that it was made with.
pub trait Filter: DeserializeOwned + Serialize + IntoParams {
    /// The limit of a page if the caller names none.
    const DEFAULT_LIMIT: u16 = 25;
    /// The highest limit.
    const MAX_LIMIT: u16 = 100;
}

/// No filter.
#[derive(Debug, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct NoFilter {}

impl Filter for NoFilter {}

/// The query of a list that comes from an index, or is not read at once: it can't be read consistently.
pub type IndexQuery<F = NoFilter> = ListQuery<F, false>;

/// The query of a list, which can be read consistently if `CONSISTENT` says so. Unknown parameters are refused.
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
    /// Whether the list is to be read consistently.
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
        let encoded = |pairs: &[(Cow<'_, str>, Cow<'_, str>)]| {
            form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
        };
        let page: PageQuery = from_query(&encoded(&paging))?;
        let filter = from_query(&encoded(&filter))
            .map_err(|error| unknown_parameter::<Self>(&filter).unwrap_or(error))?;
        let limit = page.limit.unwrap_or(F::DEFAULT_LIMIT);
        if !(1..=F::MAX_LIMIT).contains(&limit) {
            let message = format!("must be between 1 and {}", F::MAX_LIMIT);
            return Err(ApiError::field(ErrorCode::InvalidParameter, "limit", message));
        }
        Ok(Self { filter, page, limit })
    }
}

/// The error of the first parameter that the list does not have, if there is one.
fn unknown_parameter<Q: IntoParams>(pairs: &[(Cow<'_, str>, Cow<'_, str>)]) -> Option<ApiError> {
    let known = Q::into_params(|| None);
    let known: Vec<_> = known.iter().map(|parameter| parameter.name.as_str()).collect();
    let (name, _) = pairs.iter().find(|(name, _)| !known.contains(&name.as_ref()))?;
    let message = format!("is not known here: expected one of `{}`", known.join("`, `"));
    Some(ApiError::field(ErrorCode::InvalidParameter, name.as_ref(), message))
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
            let text = "Read what all writes before this request have left, at twice the cost.";
            let schema = ObjectBuilder::new().schema_type(Type::Boolean);
            add("consistent", text, schema.default(Some(false.into())));
        }
        let limit = ObjectBuilder::new()
            .schema_type(Type::Integer)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int32)))
            .minimum(Some(1))
            .maximum(Some(F::MAX_LIMIT))
            .default(Some(F::DEFAULT_LIMIT.into()));
        add("limit", "The most items of a page.", limit);
        let cursor = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1));
        add("cursor", "`next_cursor` of the page before.", cursor);
        parameters
    }
}

/// A page of a list.
#[derive(Debug, Clone, Serialize)]
pub struct Page<T> {
    /// Some items of the list, in its order. There may be few or none before the list has ended.
    pub items: Vec<T>,
    /// Where the list continues. The list has ended only if there is none.
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
        format!("Page_{}", T::name()).into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(schemas);
    }
}

impl<T: ToSchema> PartialSchema for Page<T> {
    fn schema() -> RefOr<Schema> {
        let items = ArrayBuilder::new().items(Ref::from_schema_name(T::name())).description(Some(
            "Some of the list, in its order. It may be short or empty before the list has ended.",
        ));
        let cursor = ObjectBuilder::new()
            .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
            .description(Some(
                "Pass it as `cursor` to go on. The list has ended only when it is null.",
            ));
        ObjectBuilder::new()
            .description(Some("A page of a list."))
            .property("items", items)
            .property("next_cursor", cursor)
            .required("items")
            .required("next_cursor")
            .into()
    }
}

/// One list of one caller: its cursors are bound to both.
pub struct Paging<'a> {
    keyring: &'a Keyring,
    /// `None` if it can't be told from other lists: no cursor is sealed or opened then.
    list: Option<String>,
    page: &'a PageQuery,
    limit: u16,
}

impl<'a> Paging<'a> {
    /// The list of the granted operation, of `parent` and with the query's filters.
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

    /// The page that the caller asks for.
    pub fn request(&self) -> Result<PageRequest, ApiError> {
        let (limit, consistent) = (self.limit, self.page.consistent);
        Ok(PageRequest { after: self.after()?, limit, consistent })
    }

    /// The limit of the page.
    pub fn limit(&self) -> u16 {
        self.limit
    }

    /// The position after which the caller's cursor continues.
    pub fn after<P: DeserializeOwned>(&self) -> Result<Option<P>, ApiError> {
        let cursor = self.page.cursor.as_deref();
        cursor.map(|cursor| cursor::open(self.keyring, cursor, self.list()?)).transpose()
    }

    fn list(&self) -> Result<&str, ApiError> {
        self.list.as_deref().ok_or_else(cursor::impossible)
    }

    /// The cursor with which the list continues, if it does.
    pub fn next<P: Serialize>(&self, position: Option<&P>) -> Result<Option<String>, ApiError> {
        position.map(|position| cursor::seal(self.keyring, position, self.list()?)).transpose()
    }

    /// The page of records.
    pub fn page<R, T: From<R>>(&self, listed: Listed<R>) -> Result<Page<T>, ApiError> {
        self.page_of(listed, T::from)
    }

    /// The page of records, each as `show` makes it.
    pub fn page_of<R, T>(
        &self,
        listed: Listed<R>,
        show: impl FnMut(R) -> T,
    ) -> Result<Page<T>, ApiError> {
        let next_cursor = self.next(listed.next.as_ref())?;
        Ok(Page { items: listed.items.into_iter().map(show).collect(), next_cursor })
    }
}
