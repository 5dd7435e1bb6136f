locals {
  function_name = "${var.name}-stream"
}
