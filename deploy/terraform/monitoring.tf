# Cloud Run reads no /metrics without a sidecar, so what is watched comes from the lines of the log. Metrics, alerts and
# dashboard are files in deploy/monitoring, in the form that gcloud takes: gcloud.sh reads the same ones.
locals {
  monitoring = "${local.deploy}/monitoring"
  metrics = {
    for file in fileset("${local.monitoring}/metrics", "*.yaml") :
    trimsuffix(file, ".yaml") => yamldecode(templatefile("${local.monitoring}/metrics/${file}", { name = var.name }))
  }
  alerts = {
    for file in fileset("${local.monitoring}/alerts", "*.yaml") :
    trimsuffix(file, ".yaml") => yamldecode(templatefile("${local.monitoring}/alerts/${file}", { name = var.name }))
  }
}

resource "google_logging_metric" "this" {
  for_each = local.metrics

  project          = var.project
  name             = "${var.name}-${each.key}"
  description      = each.value.description
  filter           = each.value.filter
  label_extractors = try(each.value.labelExtractors, null)

  metric_descriptor {
    metric_kind = each.value.metricDescriptor.metricKind
    value_type  = each.value.metricDescriptor.valueType

    dynamic "labels" {
      for_each = try(each.value.metricDescriptor.labels, [])

      content {
        key         = labels.value.key
        value_type  = "STRING"
        description = labels.value.description
      }
    }
  }

  depends_on = [google_project_service.home]
}

resource "google_monitoring_alert_policy" "this" {
  for_each = local.alerts

  project               = var.project
  display_name          = each.value.displayName
  combiner              = each.value.combiner
  notification_channels = var.notification_channels

  documentation {
    content   = each.value.documentation.content
    mime_type = each.value.documentation.mimeType
  }

  dynamic "conditions" {
    for_each = each.value.conditions

    content {
      display_name = conditions.value.displayName

      dynamic "condition_threshold" {
        for_each = try([conditions.value.conditionThreshold], [])
        iterator = threshold

        content {
          filter                  = threshold.value.filter
          comparison              = threshold.value.comparison
          threshold_value         = threshold.value.thresholdValue
          duration                = threshold.value.duration
          evaluation_missing_data = try(threshold.value.evaluationMissingData, null)

          dynamic "aggregations" {
            for_each = threshold.value.aggregations

            content {
              alignment_period     = aggregations.value.alignmentPeriod
              per_series_aligner   = aggregations.value.perSeriesAligner
              cross_series_reducer = try(aggregations.value.crossSeriesReducer, null)
            }
          }
        }
      }

      dynamic "condition_matched_log" {
        for_each = try([conditions.value.conditionMatchedLog], [])
        iterator = matched

        content {
          filter = matched.value.filter
        }
      }
    }
  }

  dynamic "alert_strategy" {
    for_each = try([each.value.alertStrategy], [])
    iterator = strategy

    content {
      auto_close = strategy.value.autoClose

      notification_rate_limit {
        period = strategy.value.notificationRateLimit.period
      }
    }
  }

  depends_on = [google_logging_metric.this]
}

resource "google_monitoring_dashboard" "this" {
  project        = var.project
  dashboard_json = templatefile("${local.monitoring}/dashboard.json", { name = var.name })

  depends_on = [google_logging_metric.this]
}
