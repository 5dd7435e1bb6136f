//! Throttling reasons of DynamoDB, and when to retry.

/// The limit that a throttled call exceeded, of the table or of an index (AWS, `ThrottlingReason`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ThrottlingReason {
    /// The limit of one partition: many calls for the same key.
    KeyRange,
    /// The provisioned capacity.
    Provisioned,
    /// The configured maximum of an on-demand table.
    OnDemand,
    /// The account's quota.
    Account,
    /// Another limit, or DynamoDB did not report it.
    #[default]
    Other,
}

impl ThrottlingReason {
    /// All reasons.
    pub const ALL: [Self; 5] =
        [Self::KeyRange, Self::Provisioned, Self::OnDemand, Self::Account, Self::Other];

    /// Returns the reason for an AWS name such as `TableWriteKeyRangeThroughputExceeded`: the
    /// throttled operation, then the limit.
    pub(super) fn of(name: &str) -> Self {
        let known = Self::ALL.into_iter().filter(|reason| *reason != Self::Other);
        known.into_iter().find(|reason| name.ends_with(reason.as_str())).unwrap_or_default()
    }

    /// Returns the AWS name of the limit, for labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::KeyRange => "KeyRangeThroughputExceeded",
            Self::Provisioned => "ProvisionedThroughputExceeded",
            Self::OnDemand => "MaxOnDemandThroughputExceeded",
            Self::Account => "AccountLimitExceeded",
            Self::Other => "other",
        }
    }

    /// Returns the number of seconds after which to retry. A limit of the table or the account
    /// stays exceeded for longer than a burst on one key, because other callers consume it too.
    pub fn retry_after(self) -> u16 {
        match self {
            Self::KeyRange | Self::Other => 1,
            Self::Provisioned | Self::OnDemand | Self::Account => 5,
        }
    }
}
