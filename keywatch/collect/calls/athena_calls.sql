-- What the records of some accounts, regions and days prove: of each key and session the latest call by its outcome, who
-- made each session, and of each account what was there and what could not be judged.
--
-- The verdicts are those of cloudtrail_record.py, in the same order; tests hold the two together. Athena reads a table
-- again for each mention of it, so it is mentioned once: sessions are joined to their makers by who asks.
WITH judged AS (
  SELECT
    account,
    day,
    eventtime,
    useridentity.accesskeyid AS signer,
    regexp_like(eventtime, '@{instant}') AND eventtime <= '@{latest}' AS past,
    CASE
      WHEN eventsource = 'sts.amazonaws.com' AND eventname IN ('AssumeRole', 'GetSessionToken', 'GetFederationToken')
        THEN json_extract_scalar(responseelements, '$.credentials.accessKeyId')
    END AS session,
    concat(
      eventtime, chr(31), eventsource, chr(31), eventname, chr(31),
      coalesce(useridentity.arn, ''), chr(31), coalesce(sourceipaddress, ''), chr(31),
      CASE WHEN useridentity.type = 'Root' THEN coalesce(useridentity.accountid, '') ELSE '' END, chr(31),
      -- whether the key itself signed it
      CASE WHEN coalesce(useridentity.invokedby, '') = '' AND coalesce(errorcode, '') NOT IN (@{unsigned}) THEN '1' ELSE '' END,
      -- the last part, as others write it
      chr(31), coalesce(useragent, '')
    ) AS trace,
    CASE
      WHEN eventtime IS NULL OR eventname IS NULL OR eventsource IS NULL THEN 'broken'
      WHEN NOT coalesce(eventversion LIKE '1.%', TRUE) THEN 'unknown'
      -- not the signer's own record
      WHEN coalesce(useridentity.accesskeyid, '') = '' OR coalesce(useridentity.type, '') IN ('AWSAccount', 'AWSService')
        OR (coalesce(sharedeventid, '') <> '' AND recipientaccountid IS NOT NULL
          AND recipientaccountid IS DISTINCT FROM useridentity.accountid) THEN 'other'
      -- nobody's call
      WHEN coalesce(eventtype, '') = 'AwsServiceEvent' OR coalesce(eventcategory, '') = 'Insight' THEN 'other'
      -- keywatch's own
      WHEN strpos(coalesce(useragent, ''), '@{mark}') > 0
        OR (useridentity.type = 'AssumedRole' AND coalesce(useridentity.arn, '') LIKE '%/@{mark}') THEN 'other'
      WHEN NOT regexp_like(eventtime, '@{instant}')
        OR try_cast(replace(substr(eventtime, 1, 19), 'T', ' ') AS timestamp) IS NULL THEN 'timeless'
      WHEN eventtime > '@{latest}' THEN 'future'
      WHEN coalesce(errorcode, '') IN ('Client.DryRunOperation', 'DryRunOperation') THEN 'attempt'
      WHEN coalesce(errorcode, '') <> '' OR coalesce(errormessage, '') <> '' THEN 'failure'
      WHEN (strpos(responseelements, '"errorCode"') > 0 OR strpos(responseelements, '"errorMessage"') > 0)
        AND (coalesce(json_extract_scalar(responseelements, '$.errorCode'), '') NOT IN ('', '0')
          OR coalesce(json_extract_scalar(responseelements, '$.errorMessage'), '') <> '') THEN 'failure'
      WHEN eventname = 'ConsoleLogin' AND json_extract_scalar(responseelements, '$.ConsoleLogin') = 'Failure'
        THEN 'failure'
      WHEN coalesce(useridentity.invokedby, '') <> '' OR coalesce(eventtype, '') <> 'AwsApiCall' THEN 'attempt'
      ELSE 'success'
    END AS verdict
  FROM "@{database}"."@{table}"
  WHERE account IN (@{accounts}) AND region IN (@{regions}) AND day >= '@{first}' AND day <= '@{last}'
),
found AS (
  SELECT
    CASE WHEN part = 'seen' THEN 'account' ELSE 'key' END AS kind,
    CASE part WHEN 'call' THEN signer WHEN 'made' THEN session ELSE account END AS id,
    max(CASE WHEN part = 'made' THEN signer END) AS maker,
    max(CASE WHEN part = 'call' AND verdict = 'success' THEN trace END) AS success,
    max(CASE WHEN part = 'call' AND verdict = 'failure' THEN trace END) AS failure,
    max(CASE WHEN part = 'call' AND verdict = 'attempt' THEN trace END) AS attempt,
    min(CASE WHEN part = 'seen' THEN day END) AS oldest,
    max(CASE WHEN part = 'seen' AND past THEN eventtime END) AS newest,
    sum(CASE WHEN part = 'seen' AND verdict = 'broken' THEN 1 ELSE 0 END) AS broken,
    sum(CASE WHEN part = 'seen' AND verdict = 'unknown' THEN 1 ELSE 0 END) AS unknown,
    sum(CASE WHEN part = 'seen' AND verdict = 'timeless' THEN 1 ELSE 0 END) AS timeless,
    sum(CASE WHEN part = 'seen' AND verdict = 'future' THEN 1 ELSE 0 END) AS future,
    max(CASE WHEN part = 'seen' AND verdict IN ('broken', 'unknown', 'timeless', 'future') THEN day END) AS hole
  FROM judged
  CROSS JOIN UNNEST(ARRAY['call', 'made', 'seen']) AS parts (part)
  WHERE part = 'seen'
    OR (part = 'call' AND verdict IN ('success', 'failure', 'attempt'))
    OR (part = 'made' AND verdict = 'success' AND coalesce(session, '') <> '' AND session <> signer)
  GROUP BY 1, 2
)
-- A session that nobody was seen to make is a role's or a service's: it is no key's, and there are very many.
SELECT kind, id, maker, success, failure, attempt, oldest, newest, broken, unknown, timeless, future, hole
FROM found
WHERE kind = 'account'
  OR (coalesce(success, failure, attempt) IS NOT NULL AND (maker IS NOT NULL OR id NOT LIKE 'ASIA%'))
