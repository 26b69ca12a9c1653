-- CloudTrail's log files as a table of Athena. Partitions are projected: none is ever added or listed, and a query reads
-- only the folders of the accounts, regions and days that it names. Nothing is copied; the files stay where they are.
CREATE EXTERNAL TABLE IF NOT EXISTS `@{database}`.`@{table}` (
  eventversion string,
  useridentity struct<
    type: string,
    principalid: string,
    arn: string,
    accountid: string,
    username: string,
    accesskeyid: string,
    invokedby: string
  >,
  eventtime string,
  eventsource string,
  eventname string,
  awsregion string,
  sourceipaddress string,
  useragent string,
  errorcode string,
  errormessage string,
  requestparameters string,
  responseelements string,
  eventid string,
  eventtype string,
  eventcategory string,
  recipientaccountid string,
  sharedeventid string
)
COMMENT 'CloudTrail log files, made by keywatch'
PARTITIONED BY (account string, region string, day string)
ROW FORMAT SERDE 'org.apache.hive.hcatalog.data.JsonSerDe'
STORED AS INPUTFORMAT 'com.amazon.emr.cloudtrail.CloudTrailInputFormat'
OUTPUTFORMAT 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat'
LOCATION '@{root}'
TBLPROPERTIES (
  'projection.enabled' = 'true',
  'projection.account.type' = 'injected',
  'projection.region.type' = 'injected',
  'projection.day.type' = 'date',
  'projection.day.format' = 'yyyy/MM/dd',
  'projection.day.range' = '2013/11/13,NOW',
  'projection.day.interval' = '1',
  'projection.day.interval.unit' = 'DAYS',
  'storage.location.template' = '@{root}${account}/CloudTrail/${region}/${day}'
)
