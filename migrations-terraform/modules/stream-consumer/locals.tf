locals {
  function_name = "${var.name}-stream"

  # Items whose changes the function ignores: nearly all writes. The lists name what is dropped, so that a type of a later
  # release reaches the function. A test compares them with the types in the code.
  ignored_types = [
    "access",
    "appointment_link",
    "audit_event",
    "checkpoint",
    "day_sheet",
    "dead_letter",
    "deferred_accesses",
    "deferred_event",
    "delivery",
    "idempotency",
    "identifier",
    "lease",
    "moved_appointment",
    "patient_merge",
    "search_entry",
    "table_format",
    "webhook",
    "worker",
  ]
  # Of these, the function processes new items only. TTL removes them.
  ignored_removals = concat(local.ignored_types, ["access_request", "deleted_appointment"])

  # A record passes if one of the patterns matches. The first matches new and changed items. The second matches removed items,
  # which have only an old image, also those that TTL removes. Lambda filters records of DynamoDB only by members of `dynamodb`.
  filters = [
    { dynamodb = { NewImage = { type = { S = [{ "anything-but" = local.ignored_types }] } } } },
    { dynamodb = { OldImage = { type = { S = [{ "anything-but" = local.ignored_removals }] } } } },
  ]
}
