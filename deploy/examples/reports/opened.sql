-- Who opened what this month, by the reports in BigQuery (deploy/operations.md#send-reports-to-people):
--   disarmed  our deny rule of the connector was disabled, deleted or released
--   shadowed  a rule of others allows more than the policy
--   reverted  a firewall rule of ours was changed, and put back by the service
-- One row for each connector or rule and what opened it. `rule` is the rule of others; `who` is the principal of the audit
-- entry. A release names whoever called it, or what the rule's stamp claims.
WITH
  reports AS (
    SELECT data, publish_time
    FROM egress_reconciler_reports.reports
    WHERE publish_time >= TIMESTAMP_TRUNC(CURRENT_TIMESTAMP(), MONTH)
  ),
  opened AS (
    SELECT
      publish_time,
      JSON_VALUE(path, '$.state') AS what,
      JSON_VALUE(path, '$.path') AS object,
      JSON_VALUE(path, '$.by') AS made_by,
      (
        SELECT STRING_AGG(DISTINCT JSON_VALUE(event, '$.principal'), ', ')
        FROM UNNEST(JSON_QUERY_ARRAY(data, '$.triggers')) AS event
        WHERE ENDS_WITH(JSON_VALUE(event, '$.resource'), CONCAT('/', JSON_VALUE(path, '$.by')))
      ) AS principals
    FROM reports, UNNEST(JSON_QUERY_ARRAY(data, '$.egress')) AS path
    WHERE JSON_VALUE(path, '$.state') IN ('disarmed', 'shadowed')
    UNION ALL
    SELECT
      publish_time,
      'reverted' AS what,
      JSON_VALUE(step, '$.step') AS object,
      JSON_VALUE(event, '$.principal') AS made_by,
      CAST(NULL AS STRING) AS principals
    FROM
      reports,
      UNNEST(JSON_QUERY_ARRAY(data, '$.steps')) AS step,
      UNNEST(JSON_QUERY_ARRAY(data, '$.triggers')) AS event
    WHERE
      JSON_VALUE(step, '$.verb') IN ('create', 'repair')
      AND JSON_VALUE(step, '$.outcome.state') = 'done'
      AND ENDS_WITH(JSON_VALUE(event, '$.resource'), REPLACE(JSON_VALUE(step, '$.step'), 'firewall/', '/firewalls/'))
  )
SELECT
  what,
  object,
  IF(what = 'shadowed', made_by, NULL) AS rule,
  COALESCE(IF(what = 'shadowed', STRING_AGG(DISTINCT principals, ', '), made_by), 'unknown') AS who,
  MIN(publish_time) AS first_report,
  MAX(publish_time) AS last_report
FROM opened
GROUP BY what, object, made_by
ORDER BY first_report, what, object
