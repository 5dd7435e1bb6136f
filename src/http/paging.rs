//! Pages of a list: `limit`, `cursor`, and the answer's shape.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use utoipa::{IntoParams, ToSchema};

use super::{auth::Grant, cursor::CursorKeys};
use crate::{
    error::{ApiError, ErrorCode},
    store::read::{Listed, PageRequest},
};

/// The records of a page.
const LIMIT: Limit = Limit { default: 25, max: 100 };

/// Parameters of a list that shows all of it.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListAll {
    /// Read what all writes before this request have left, at twice the cost.
    #[serde(default)]
    #[param(default = false)]
    consistent: bool,
    /// The most items of a page.
    #[param(minimum = 1, maximum = 100, default = 25)]
    limit: Option<u16>,
    /// `next_cursor` of the page before.
    #[param(min_length = 1)]
    cursor: Option<String>,
}

/// A page of a list.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Page<T> {
    /// Some of the list, in its order. It may be short or empty before the list has ended.
    pub items: Vec<T>,
    /// Pass it as `cursor` to go on. The list has ended only when it is null.
    #[schema(required = true)]
    pub next_cursor: Option<String>,
}

/// How many items a page may have.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// If nothing is asked for.
    pub default: u16,
    /// The most that can be asked for.
    pub max: u16,
}

impl Limit {
    /// The limit of a page that was asked for with `limit`.
    ///
    /// # Errors
    /// 400 if it is 0 or more than the most.
    pub fn check(self, limit: Option<u16>) -> Result<u16, ApiError> {
        let limit = limit.unwrap_or(self.default);
        if (1..=self.max).contains(&limit) {
            return Ok(limit);
        }
        let message = format!("must be between 1 and {}", self.max);
        Err(ApiError::field(ErrorCode::InvalidParameter, "limit", message))
    }
}

/// One list of one caller: what its cursors are bound to.
#[derive(Debug, Clone)]
pub struct Paging<'a> {
    keys: &'a CursorKeys,
    list: String,
}

impl<'a> Paging<'a> {
    /// The list that `operation` gives the caller for these parameters; `limit` is not one of them.
    #[must_use]
    pub fn new(
        keys: &'a CursorKeys,
        grant: &Grant,
        operation: &str,
        parameters: impl std::fmt::Debug,
    ) -> Self {
        let principal = grant.principal();
        let caller = (principal.org.as_str(), principal.subject.as_str());
        Self { keys, list: format!("{caller:?} {operation} {parameters:?}") }
    }

    /// The page that a caller asks for.
    ///
    /// # Errors
    /// 400 for a cursor that is not one of this list and caller, and for a limit outside 1 to 100.
    pub fn request(
        &self,
        cursor: Option<&str>,
        limit: Option<u16>,
    ) -> Result<PageRequest, ApiError> {
        self.request_within(cursor, limit, LIMIT)
    }

    /// The same with a limit of its own.
    ///
    /// # Errors
    /// As [`Paging::request`], with that limit.
    pub fn request_within(
        &self,
        cursor: Option<&str>,
        limit: Option<u16>,
        within: Limit,
    ) -> Result<PageRequest, ApiError> {
        Ok(PageRequest {
            after: self.after(cursor)?,
            limit: within.check(limit)?,
            consistent: false,
        })
    }

    /// The position after which a caller's cursor continues.
    ///
    /// # Errors
    /// 400 for a cursor that is not one of this list and caller.
    pub fn after<P: DeserializeOwned>(&self, cursor: Option<&str>) -> Result<Option<P>, ApiError> {
        cursor.map(|cursor| self.keys.open(cursor, &self.list)).transpose()
    }

    /// The page that a caller asks for of a list that shows all of it.
    ///
    /// # Errors
    /// As [`Paging::request`].
    pub fn request_of(&self, query: &ListAll) -> Result<PageRequest, ApiError> {
        let page = self.request(query.cursor.as_deref(), query.limit)?;
        Ok(PageRequest { consistent: query.consistent, ..page })
    }

    /// The cursor with which the list goes on, if it does.
    ///
    /// # Errors
    /// As [`CursorKeys::seal`].
    pub fn next<P: Serialize>(&self, position: Option<&P>) -> Result<Option<String>, ApiError> {
        position.map(|position| self.keys.seal(position, &self.list)).transpose()
    }

    /// The page for what was listed.
    ///
    /// # Errors
    /// As [`CursorKeys::seal`].
    pub fn page<R, T>(&self, listed: Listed<R>, out: impl Fn(R) -> T) -> Result<Page<T>, ApiError> {
        let next_cursor = self.next(listed.next.as_ref())?;
        Ok(Page { items: listed.items.into_iter().map(out).collect(), next_cursor })
    }
}
