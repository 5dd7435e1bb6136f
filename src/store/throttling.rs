//! Why DynamoDB throttles, and when it is worth asking again.

/// The limit that a throttled call exceeded (AWS, `ThrottlingReason`), whether of the table or of an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ThrottlingReason {
    /// That of one partition: many calls for the same key.
    KeyRange,
    /// The provisioned capacity.
    Provisioned,
    /// The most that is set for an on-demand table.
    OnDemand,
    /// The account's quota.
    Account,
    /// Another one, or DynamoDB does not say.
    #[default]
    Other,
}

impl ThrottlingReason {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::KeyRange, Self::Provisioned, Self::OnDemand, Self::Account, Self::Other];

    /// The reason of AWS's name, as `TableWriteKeyRangeThroughputExceeded`: what is throttled, then the limit.
    pub(super) fn of(name: &str) -> Self {
        let known = Self::ALL.into_iter().filter(|reason| *reason != Self::Other);
        known.into_iter().find(|reason| name.ends_with(reason.as_str())).unwrap_or_default()
    }

    /// Its name in labels: AWS's for the limit.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::KeyRange => "KeyRangeThroughputExceeded",
            Self::Provisioned => "ProvisionedThroughputExceeded",
            Self::OnDemand => "MaxOnDemandThroughputExceeded",
            Self::Account => "AccountLimitExceeded",
            Self::Other => "other",
        }
    }

    /// In how many seconds to try again. Other callers use up a limit of the table or the account, so that it lasts longer
    /// than the burst of one key.
    pub fn retry_after(self) -> u16 {
        match self {
            Self::KeyRange | Self::Other => 1,
            Self::Provisioned | Self::OnDemand | Self::Account => 5,
        }
    }
}
