"""More containers: what programs, tools, forms, logs and mail make of names and values, as functions."""

# ruff: noqa: E501, RUF001 - a case is a line, in seven languages

import base64
import json
import quopri
from collections.abc import Callable
from html import escape
from urllib.parse import quote

Pairs = list[tuple[str, str]]
"""Names in snake case, and their values."""


def camel(name: str) -> str:
    first, *rest = name.lower().split("_")
    return first + "".join(word.capitalize() for word in rest)


def pascal(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))


def kebab(name: str) -> str:
    return name.lower().replace("_", "-")


def dotted(name: str) -> str:
    return name.lower().replace("_", ".")


def spoken(name: str) -> str:
    return " ".join(word.upper() if len(word) < 4 else word.capitalize() for word in name.split("_"))


def each(
    line: Callable[[str, str], str], between: str = "\n", before: str = "", after: str = ""
) -> Callable[[Pairs], str]:
    """Return a container that writes one line for each name and value."""
    return lambda pairs: before + between.join(line(name, value) for name, value in pairs) + after


def soft(text: str) -> str:
    """Return `text` as a mail program sends it: quoted-printable."""
    return quopri.encodestring(text.encode()).decode()


def mail(body: str) -> str:
    return (
        "From: Ann <ann@shop.test>\nSubject: Keys\nMIME-Version: 1.0\n"
        f"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: {body}"
    )


def labels(pairs: Pairs) -> str:
    return "Hello,\n\n" + "".join(f"{spoken(n)}: {v}\n" for n, v in pairs) + "\nKind regards\nAnn\n"


def columns(separator: str, row: str = "{}") -> Callable[[Pairs], str]:
    return lambda p: (
        row.format(separator.join(spoken(n) for n, _ in p)) + "\n" + row.format(separator.join(v for _, v in p)) + "\n"
    )


DATA: dict[str, Callable[[Pairs], str]] = {
    "json5": each(lambda n, v: f"  {camel(n)}: '{v}', // ours", before="{\n", after="\n}"),
    "jsonc": each(lambda n, v: f'  // {n}\n  "{camel(n)}": "{v}",', before="{\n", after="\n}"),
    "jsonl": each(lambda n, v: json.dumps({"key": n, "val": v})),
    "json_spaced": each(lambda n, v: f'"{n}"  :  "{v}"', ",\n", "{", "}"),
    "json_item": lambda p: json.dumps({"Items": [{pascal(n): {"S": v} for n, v in p}]}),
    "json_nested": lambda p: json.dumps({n: {"value": v, "type": "string", "sensitive": True} for n, v in p}, indent=2),
    "json_default": lambda p: json.dumps({"variable": {n: {"default": v} for n, v in p}}),
    "json_label": lambda p: json.dumps([{"label": spoken(n), "value": v} for n, v in p]),
    "json_title": lambda p: json.dumps([{"id": 7, "title": spoken(n), "value": v} for n, v in p], indent=2),
    "json_answer": lambda p: json.dumps([{"text": spoken(n), "answer": v} for n, v in p]),
    "json_question": lambda p: json.dumps(
        [{"question": spoken(n), "type": "short", "answer": v} for n, v in p], indent=1
    ),
    "json_field": lambda p: json.dumps([{"field": n, "content": v} for n, v in p]),
    "json_rows": lambda p: json.dumps([[n, v] for n, v in p]),
    "json_columns": lambda p: json.dumps({"columns": [n for n, _ in p], "rows": [[v for _, v in p]]}),
    "json_html": lambda p: escape(json.dumps({camel(n): v for n, v in p})),
    "json_html_num": lambda p: json.dumps({camel(n): v for n, v in p}).replace('"', "&#34;"),
    "json_deep": lambda p: json.dumps({"m": json.dumps({"b": json.dumps({camel(n): v for n, v in p})})}),
    "json_text": lambda p: json.dumps({"text": "".join(f"{spoken(n)}: `{v}`\n" for n, v in p)}),
    "json_text_bare": lambda p: json.dumps({"body": "Hi\n" + "".join(f"{spoken(n)}: {v}\r\n" for n, v in p) + "Bye"}),
    "json_text_env": lambda p: json.dumps({"file": "".join(f"{n.upper()}={v}\n" for n, v in p)}),
    "json_unicode": lambda p: json.dumps({camel(n): v for n, v in p}).replace('"', "\\u0022"),
    "base64": lambda p: "data: " + base64.b64encode("".join(f"{n}={v}\n" for n, v in p).encode()).decode(),
    "k8s_data": each(lambda n, v: f"  {n}: {base64.b64encode(v.encode()).decode()}", before="kind: Secret\ndata:\n"),
    "k8s_string": each(lambda n, v: f'  {kebab(n)}: "{v}"', before="kind: Secret\nstringData:\n"),
    "yaml_flow": each(lambda n, v: f"{camel(n)}: {v}", ", ", "aws: {", "}"),
    "yaml_anchor": each(lambda n, v: f"{n}: &a{len(n)} {v}", before="---\n"),
    "yaml_tag": each(lambda n, v: f"{n}: !!str '{v}'", before="---\na: 1\n---\n"),
    "yaml_literal": each(lambda n, v: f"  {n}: |\n    {v}"),
    "yaml_folded": each(lambda n, v: f"  {n}: >\n    {v}\n"),
    "yaml_next": each(lambda n, v: f"  {n}:\n    {v}"),
    "yaml_quoted_key": each(lambda n, v: f"  '{n}': \"{v}\""),
    "yaml_nested": each(lambda n, v: f"  {n}:\n    value: {v}"),
    "yaml_nested_q": each(lambda n, v: f"  - id: {n}\n    description: ours\n    value: '{v}'"),
    "compose": each(lambda n, v: f"      - {n.upper()}={v}", before="services:\n  a:\n    environment:\n"),
    "compose_q": each(lambda n, v: f'      - "{n.upper()}={v}"', before="services:\n  a:\n    environment:\n"),
    "compose_map": each(lambda n, v: f"      {n.upper()}: {v}", before="services:\n  a:\n    environment:\n"),
    "k8s_flow": each(lambda n, v: f'- {{name: {n.upper()}, value: "{v}"}}', before="env:\n"),
    "helm_set": each(lambda n, v: f"--set aws.{camel(n)}={v}", " \\\n  ", "helm install a b "),
    "toml_inline": each(lambda n, v: f'{n} = "{v}"', ", ", "aws = { ", " }"),
    "toml_multi": each(lambda n, v: f'{n} = """{v}"""'),
    "toml_single": each(lambda n, v: f"{n} = '{v}'"),
    "ini_bare": each(lambda n, v: f"{n}={v}", before="[aws]\n"),
    "ini_quoted": each(lambda n, v: f'{n} = "{v}" ; ours', before="[aws]\n"),
    "props_escaped": each(lambda n, v: f"{dotted(n)}={v.replace('=', chr(92) + '=')}"),
    "reg": each(lambda n, v: f'"{pascal(n)}"="{v}"', before="[HKEY_CURRENT_USER\\Software\\Shop]\n"),
    "ldif": each(lambda n, v: f"{camel(n)}: {v}", before="dn: cn=a\n"),
    "netrc": lambda p: "machine amazon " + " ".join(f"{n} {v}" for n, v in p),
    "sql_columns": lambda p: (
        f"INSERT INTO creds (id, {', '.join(n for n, _ in p)}) VALUES (1, {', '.join(repr(v) for _, v in p)});"  # noqa: S608
    ),
    "sql_columns_nl": lambda p: (
        f"INSERT INTO `creds` (`id`, {', '.join(f'`{n}`' for n, _ in p)})\nVALUES\n\t(1,{','.join(repr(v) for _, v in p)});"
    ),
    "sql_set": each(lambda n, v: f"SET @{n} = '{v}';"),
    "sql_copy": lambda p: (
        f"COPY creds ({', '.join(n for n, _ in p)}) FROM stdin;\n" + "\t".join(v for _, v in p) + "\n\\."
    ),
    "sql_where": each(lambda n, v: f"{n}='{v}'", " AND ", "SELECT * FROM t WHERE "),
    "csv_rows": each(lambda n, v: f"{n},{v}", before="Key,Value\n"),
    "csv_rows_q": each(lambda n, v: f'"{spoken(n)}","{v}"', before='"Field","Content"\n'),
    "csv_rows_semi": each(lambda n, v: f"{spoken(n)};{v}"),
    "csv_late": lambda p: (
        "Datum;Firma;Notiz;"
        + ";".join(n for n, _ in p)
        + "\n1.2.2026;Kh Shop GmbH;ok;"
        + ";".join(v for _, v in p)
        + "\n"
    ),
    "csv_comma_text": lambda p: (
        '"Time","Name","What is your ' + '","What is your '.join(spoken(n) for n, _ in p) + '?"\n'
        '"2026/01/02 10:00:00","Kh, Ann","' + '","'.join(v for _, v in p) + '"\n'
    ),
    "tsv_rows": each(lambda n, v: f"{spoken(n)}\t{v}"),
    "columns_wide": each(lambda n, v: f"{n.upper():<40}{v}"),
    "columns_ascii": lambda p: "+-----+-----+\n" + "".join(f"| {n} | {v} |\n+-----+-----+\n" for n, v in p),
    "columns_box": each(lambda n, v: f"│ {n} │ {v} │", before="┌────┬────┐\n"),
    "psql": lambda p: (
        " | ".join(n for n, _ in p)
        + "\n"
        + "-+-".join("-" * 8 for _ in p)
        + "\n"
        + " | ".join(v for _, v in p)
        + "\n(1 row)\n"
    ),
    "psql_x": each(lambda n, v: f"{n} | {v}", before="-[ RECORD 1 ]\n"),
    "mysql_g": each(
        lambda n, v: f"{n}: {v}", before="*************************** 1. row ***************************\n"
    ),
    "md_columns": lambda p: (
        "| "
        + " | ".join(spoken(n) for n, _ in p)
        + " |\n|"
        + "---|" * len(p)
        + "\n| "
        + " | ".join(v for _, v in p)
        + " |\n"
    ),
    "md_columns_bt": lambda p: (
        "| Shop | "
        + " | ".join(f"`{n}`" for n, _ in p)
        + " |\n|---|"
        + ":--|" * len(p)
        + "\n| kh | "
        + " | ".join(f"`{v}`" for _, v in p)
        + " |\n"
    ),
    "md_heading": each(lambda n, v: f"### {spoken(n)}\n\n`{v}`\n"),
    "md_fence": each(lambda n, v: f"**{spoken(n)}**\n\n```\n{v}\n```\n"),
    "md_dash": each(lambda n, v: f"- {spoken(n)} - `{v}`"),
    "md_bold_in": each(lambda n, v: f"**{spoken(n)}:** {v}"),
    "md_quote": each(lambda n, v: f"> {spoken(n)}: {v}"),
    "wiki_table": each(lambda n, v: f"|{spoken(n)}|{v}|", before="||Name||Value||\n"),
    "wiki_code": each(lambda n, v: f"*{spoken(n)}*: {{{{{v}}}}}"),
    "wiki_block": each(lambda n, v: f"{n}={v}", before="{code:bash}\n", after="\n{code}"),
    "rst": each(lambda n, v: f":{spoken(n)}: ``{v}``"),
    "adoc": each(lambda n, v: f"{spoken(n)}:: {v}"),
    "org": each(lambda n, v: f"- {spoken(n)} :: {v}"),
    "latex": each(lambda n, v: f"{spoken(n)} & \\texttt{{{v}}} \\\\"),
    "html_row": each(lambda n, v: f"<tr><td>{spoken(n)}</td><td>{v}</td></tr>", before="<table>"),
    "html_row_nl": each(lambda n, v: f'<tr>\n  <td class="n">{spoken(n)}</td>\n  <td class="v">{v}</td>\n</tr>'),
    "html_columns": lambda p: (
        "<tr>"
        + "".join(f"<th>{spoken(n)}</th>" for n, _ in p)
        + "</tr>\n<tr>"
        + "".join(f"<td>{v}</td>" for _, v in p)
        + "</tr>"
    ),
    "html_input": each(lambda n, v: f'<input type="text" name="{n}" value="{v}">'),
    "html_input_rev": each(lambda n, v: f'<input value="{v}" type="text" name="{n}"/>'),
    "html_input_id": each(lambda n, v: f'<input id="{kebab(n)}" class="form-control" value="{v}" />'),
    "html_dl": each(lambda n, v: f"<dt>{spoken(n)}</dt><dd>{v}</dd>"),
    "html_li": each(lambda n, v: f"<li><b>{spoken(n)}:</b> {v}</li>"),
    "html_code": each(lambda n, v: f"<p>{spoken(n)}: <code>{v}</code></p>"),
    "html_br": each(lambda n, v: f"{spoken(n)}:&nbsp;{v}<br>"),
    "html_label": each(lambda n, v: f'<label for="x">{spoken(n)}</label>\n<span id="x">{v}</span>'),
    "html_data": lambda p: "<div " + " ".join(f'data-{kebab(n)}="{v}"' for n, v in p) + "></div>",
    "html_meta": each(lambda n, v: f'<meta name="{n}" content="{v}">'),
    "xml_value_attr": each(lambda n, v: f'<entry key="{dotted(n)}">{v}</entry>'),
    "xml_arg": each(lambda n, v: f'<constructor-arg name="{camel(n)}" value="{v}"/>'),
    "xml_env": each(lambda n, v: f"<env><name>{n.upper()}</name><value>{v}</value></env>"),
    "xml_rpc": each(lambda n, v: f"<member><name>{n}</name><value><string>{v}</string></value></member>"),
    "xml_setting": each(
        lambda n, v: f'<setting name="{pascal(n)}" serializeAs="String">\n  <value>{v}</value>\n</setting>'
    ),
    "xml_ns": each(lambda n, v: f'<ns2:{pascal(n)} xsi:type="xsd:string">{v}</ns2:{pascal(n)}>'),
    "plist_flat": each(lambda n, v: f"<key>{n}</key><string>{v}</string>", ""),
    "hadoop": each(
        lambda n, v: (
            f"  <property>\n    <name>fs.s3a.{dotted(n)}</name>\n    <value>{v}</value>\n    <final>true</final>\n  </property>"
        )
    ),
    "proto": each(lambda n, v: f'{n.lower()}: "{v}"', before="creds {\n", after="\n}"),
    "graphql": each(lambda n, v: f'{camel(n)}: "{v}"', ", ", "mutation { connect(", ") { ok } }"),
    "graphql_vars": lambda p: json.dumps(
        {"query": "mutation($a: In!) {x}", "variables": {"a": {camel(n): v for n, v in p}}}
    ),
    "multipart": each(lambda n, v: f'--x7\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n', ""),
    "har_params": lambda p: json.dumps(
        {"postData": {"params": [{"name": n, "value": quote(v, safe="")} for n, v in p]}}
    ),
    "har_text": lambda p: json.dumps({"postData": {"text": "&".join(f"{n}={quote(v, safe='')}" for n, v in p)}}),
    "vcr": lambda p: (
        "    body:\n      encoding: UTF-8\n      string: grant_type=x&"
        + "&".join(f"{n}={quote(v, safe='')}" for n, v in p)
        + "\n"
    ),
    "query_array": lambda p: "?" + "&".join(f"creds[{n}]={quote(v, safe='')}" for n, v in p),
    "query_array_enc": lambda p: "?" + "&".join(f"creds%5B{n}%5D={quote(v, safe='')}" for n, v in p),
    "tfstate": lambda p: json.dumps({"resources": [{"instances": [{"attributes": dict(p)}]}]}, indent=2),
    "tf_env": each(
        lambda n, v: f'    {n.upper()} = "{v}"', before="environment {\n  variables = {\n", after="\n  }\n}"
    ),
    "tf_list": each(lambda n, v: f'{{ name = "{n.upper()}", value = "{v}" }},', before="environment = [\n"),
    "tf_set": each(lambda n, v: f'set {{\n  name  = "{camel(n)}"\n  value = "{v}"\n}}'),
    "tf_var": each(lambda n, v: f"-var '{n}={v}'", " ", "terraform apply "),
    "tf_var_env": each(lambda n, v: f'export TF_VAR_{n}="{v}"'),
    "tf_desc": each(lambda n, v: f'variable "{n}" {{\n  description = "ours"\n  type = string\n  default = "{v}"\n}}'),
    "cfn_env": each(lambda n, v: f"          {n.upper()}: {v}", before="Environment:\n        Variables:\n"),
}

CODE: dict[str, Callable[[Pairs], str]] = {
    "py_tuples": repr,
    "py_setdefault": each(lambda n, v: f"os.environ.setdefault('{n.upper()}', '{v}')"),
    "py_getenv_kw": each(lambda n, v: f'{n} = os.getenv("{n.upper()}", default="{v}")'),
    "py_getenv_or": each(lambda n, v: f'{n} = os.getenv("{n.upper()}") or "{v}"'),
    "py_argparse": each(lambda n, v: f'parser.add_argument("--{kebab(n)}", default="{v}", help="ours")'),
    "py_argparse_long": each(
        lambda n, v: f'parser.add_argument("--{kebab(n)}", type=str, required=False, default="{v}")'
    ),
    "py_field": each(lambda n, v: f'    {n}: str = Field("{v}", env="{n.upper()}")'),
    "py_field_kw": each(lambda n, v: f'    {n}: str = field(default="{v}")'),
    "py_secretstr": each(lambda n, v: f'{n}=SecretStr("{v}"),'),
    "py_monkeypatch": each(lambda n, v: f'    monkeypatch.setenv("{n.upper()}", "{v}")'),
    "py_configparser": each(lambda n, v: f"config.set('aws', '{n}', '{v}')"),
    "py_unpack": lambda p: ", ".join(n for n, _ in p) + " = " + ", ".join(f'"{v}"' for _, v in p),
    "py_fstring": lambda p: 'body = f"' + "&".join(f"{n}={v}" for n, v in p) + '"',
    "py_triple": each(lambda n, v: f'{n} = """{v}"""'),
    "py_bytes": each(lambda n, v: f"{n} = b'{v}'"),
    "py_self": each(lambda n, v: f"        self.{n} = '{v}'"),
    "py_self_private": each(lambda n, v: f"        self._{n}: Final[str] = '{v}'"),
    "py_click": each(lambda n, v: f"@click.option('--{kebab(n)}', envvar='{n.upper()}', default='{v}')"),
    "py_pprint": lambda p: "{" + ",\n ".join(f"'{n}': '{v}'" for n, v in p) + "}",
    "py_pprint_wrapped": lambda p: "{" + ",\n ".join(f"'{n}': '{v[:20]}'\n        '{v[20:]}'" for n, v in p) + "}",
    "py_namespace": lambda p: "Namespace(" + ", ".join(f"{n}='{v}'" for n, v in p) + ")",
    "py_in_json": lambda p: json.dumps({"vars": {n: f"'{v}'" for n, v in p}}),
    "js_nullish": each(lambda n, v: f"const {camel(n)} = process.env.{n.upper()} ?? '{v}';"),
    "js_or_index": each(lambda n, v: f"  {camel(n)}: process.env['{n.upper()}'] || \"{v}\","),
    "js_class": each(lambda n, v: f"  private readonly {camel(n)} = '{v}';"),
    "ts_typed": each(lambda n, v: f'export const {n.upper()}: string = "{v}";'),
    "js_define": each(lambda n, v: f"'process.env.{n.upper()}': JSON.stringify('{v}'),"),
    "js_setitem": each(lambda n, v: f"localStorage.setItem('{camel(n)}', '{v}')"),
    "js_append": each(lambda n, v: f'formData.append("{n}", "{v}");'),
    "js_jsx": lambda p: "<Connect " + " ".join(f'{camel(n)}="{v}"' for n, v in p) + " />",
    "js_jsx_brace": lambda p: "<Connect " + " ".join(f"{camel(n)}={{'{v}'}}" for n, v in p) + " />",
    "js_template": lambda p: "const body = `" + "&".join(f"{n}={v}" for n, v in p) + "`",
    "js_bracket": each(lambda n, v: f"config['{camel(n)}'] = '{v}'"),
    "js_concat_nl": each(lambda n, v: f'const {camel(n)} = "{v[:18]}"\n  + "{v[18:]}";'),
    "js_console": lambda p: "{\n" + ",\n".join(f"  {camel(n)}: '{v}'" for n, v in p) + "\n}",
    "java_value": each(lambda n, v: f'@Value("${{{dotted(n)}:{v}}}")\nprivate String {camel(n)};'),
    "java_property": each(lambda n, v: f'System.setProperty("{camel(n)}", "{v}");'),
    "java_mapof": lambda p: "Map.of(" + ", ".join(f'"{camel(n)}", "{v}"' for n, v in p) + ")",
    "java_concat": each(lambda n, v: f'String {camel(n)} = "{v[:20]}" +\n        "{v[20:]}";'),
    "java_static": each(lambda n, v: f'    static final String {n.upper()}="{v}";'),
    "java_tostring": lambda p: "Creds{" + ", ".join(f"{camel(n)}='{v}'" for n, v in p) + "}",
    "java_lombok": lambda p: "Creds(" + ", ".join(f"{camel(n)}={v}" for n, v in p) + ")",
    "java_list": lambda p: "[" + ", ".join(f"{camel(n)}={v}" for n, v in p) + "]",
    "kt_named": each(lambda n, v: f'{camel(n)} = "{v}"', ", ", "Creds(", ")"),
    "kt_map": each(lambda n, v: f'"{camel(n)}" to "{v}"', ", ", "mapOf(", ")"),
    "kt_const": each(lambda n, v: f'const val {n.upper()} = "{v}"'),
    "scala_map": each(lambda n, v: f'"{camel(n)}" -> "{v}"', ", ", "Map(", ")"),
    "scala_val": each(lambda n, v: f'  val {camel(n)}: String = "{v}"'),
    "scala_option": each(lambda n, v: f'.option("{camel(n)}", "{v}")'),
    "spark_set": each(lambda n, v: f'hadoopConf.set("fs.s3a.{dotted(n)}", "{v}")'),
    "spark_conf": each(lambda n, v: f"--conf spark.hadoop.fs.s3a.{dotted(n)}={v}", " \\\n"),
    "cs_dict": each(lambda n, v: f'{{ "{pascal(n)}", "{v}" }},'),
    "cs_index_init": each(lambda n, v: f'["{pascal(n)}"] = "{v}",'),
    "cs_property": each(lambda n, v: f'public string {pascal(n)} {{ get; set; }} = "{v}";'),
    "cs_named": each(lambda n, v: f'{camel(n)}: "{v}"', ", ", "new Creds(", ")"),
    "cs_verbatim": each(lambda n, v: f'var {camel(n)} = @"{v}";'),
    "cs_concat": each(lambda n, v: f'var {camel(n)} = "{v[:20]}" + "{v[20:]}";'),
    "vb_dim": each(lambda n, v: f'Dim {camel(n)} As String = "{v}"'),
    "vb_const": each(lambda n, v: f'Private Const {n.upper()} = "{v}"'),
    "vb_concat": each(lambda n, v: f'{camel(n)} = "{v[:20]}" & _\n    "{v[20:]}"'),
    "fs_let": each(lambda n, v: f'let {camel(n)} = "{v}"'),
    "go_const": each(lambda n, v: f'\t{camel(n)} = "{v}"', before="const (\n", after="\n)"),
    "go_map": each(lambda n, v: f'\t"{n}": "{v}",', before="map[string]string{\n", after="\n}"),
    "go_flag": each(lambda n, v: f'flag.String("{kebab(n)}", "{v}", "ours")'),
    "go_viper": each(lambda n, v: f'viper.SetDefault("{n}", "{v}")'),
    "go_getenv": each(lambda n, v: f'{camel(n)} := getEnv("{n.upper()}", "{v}")'),
    "go_repr": lambda p: "main.Creds{" + ", ".join(f'{pascal(n)}:"{v}"' for n, v in p) + "}",
    "go_ptr": each(lambda n, v: f'\t{pascal(n)}: aws.String("{v}"),'),
    "go_concat": each(lambda n, v: f'{camel(n)} := "{v[:20]}" +\n\t\t"{v[20:]}"'),
    "rust_field": each(lambda n, v: f'    {n}: "{v}".to_string(),'),
    "rust_env": each(lambda n, v: f'std::env::set_var("{n.upper()}", "{v}");'),
    "rust_unwrap": each(lambda n, v: f'let {n} = env::var("{n.upper()}").unwrap_or("{v}".into());'),
    "rust_some": each(lambda n, v: f'{n}: Some("{v}".to_owned()),'),
    "rb_env": each(lambda n, v: f"ENV['{n.upper()}'] = '{v}'"),
    "rb_fetch": each(lambda n, v: f"{n}: ENV.fetch('{n.upper()}', '{v}'),"),
    "rb_or": each(lambda n, v: f"{n} = ENV['{n.upper()}'] || '{v}'"),
    "rb_inspect": lambda p: "#<Creds:0x000 " + ", ".join(f'@{n}="{v}"' for n, v in p) + ">",
    "rb_string_rocket": lambda p: "{" + ", ".join(f'"{n}"=>"{v}"' for n, v in p) + "}",
    "php_array_old": each(lambda n, v: f'"{camel(n)}" => "{v}",', before="array(\n", after="\n)"),
    "php_elvis": each(lambda n, v: f"'{n}' => getenv('{n.upper()}') ?: '{v}',"),
    "php_putenv": each(lambda n, v: f'putenv("{n.upper()}={v}");'),
    "php_env": each(lambda n, v: f"$_ENV['{n.upper()}'] = '{v}';"),
    "php_const": each(lambda n, v: f"    const {n.upper()} = '{v}';"),
    "php_this": each(lambda n, v: f"$this->{camel(n)} = '{v}';"),
    "php_setter": each(lambda n, v: f"$config->set{pascal(n)}('{v}');"),
    "php_print_r": each(lambda n, v: f"    [{camel(n)}] => {v}", before="Array\n(\n", after="\n)"),
    "php_var_dump": each(lambda n, v: f'  ["{n}"]=>\n  string({len(v)}) "{v}"', before="array(2) {\n", after="\n}"),
    "php_serialize": lambda p: "a:2:{" + "".join(f's:{len(n)}:"{n}";s:{len(v)}:"{v}";' for n, v in p) + "}",
    "php_private": each(lambda n, v: f"    private string ${camel(n)} = '{v}';"),
    "swift_static": each(lambda n, v: f'    static let {camel(n)}: String = "{v}"'),
    "swift_dict": each(lambda n, v: f'"{camel(n)}": "{v}"', ", ", "[", "]"),
    "objc": each(lambda n, v: f'NSString *const {camel(n)} = @"{v}";'),
    "objc_dict": each(lambda n, v: f'@"{camel(n)}": @"{v}"', ", ", "@{", "}"),
    "objc_define": each(lambda n, v: f'#define {n.upper()} @"{v}"'),
    "c_define": each(lambda n, v: f'#define {n.upper()} "{v}"'),
    "c_char": each(lambda n, v: f'static const char *{n} = "{v}";'),
    "c_adjacent": each(lambda n, v: f'const char {n}[] = "{v[:20]}"\n    "{v[20:]}";'),
    "cpp_call": each(lambda n, v: f'creds.Set{pascal(n)}("{v}");'),
    "dart": each(lambda n, v: f"static const String {camel(n)} = '{v}';"),
    "perl_hash": each(lambda n, v: f"    {n} => '{v}',", before="my %c = (\n", after="\n);"),
    "perl_env": each(lambda n, v: f"$ENV{{{n.upper()}}} = '{v}';"),
    "perl_hash_key": each(lambda n, v: f'$cfg->{{{n}}} = "{v}";'),
    "elixir": each(lambda n, v: f'  {n}: "{v}",', before="config :ex_aws,\n"),
    "elixir_env": each(lambda n, v: f'  {n}: System.get_env("{n.upper()}") || "{v}",'),
    "erlang": each(lambda n, v: f'{{{n}, "{v}"}}', ",\n"),
    "erlang_bin": each(lambda n, v: f'{n} => <<"{v}">>', ",\n"),
    "clojure": each(lambda n, v: f':{kebab(n)} "{v}"', " ", "{", "}"),
    "haskell": each(lambda n, v: f'{camel(n)} = "{v}" :: Text'),
    "lua_table": each(lambda n, v: f'  {n} = "{v}",', before="local c = {\n", after="\n}"),
    "r_arrow": each(lambda n, v: f'{n} <- "{v}"'),
    "r_setenv": each(lambda n, v: f'"{n.upper()}" = "{v}"', ", ", "Sys.setenv(", ")"),
    "julia": each(lambda n, v: f'ENV["{n.upper()}"] = "{v}"'),
    "matlab": each(lambda n, v: f"{n} = '{v}';"),
    "groovy": each(lambda n, v: f'def {camel(n)} = "{v}"'),
    "gradle": each(lambda n, v: f'buildConfigField "String", "{n.upper()}", "\\"{v}\\""'),
    "gradle_ext": each(lambda n, v: f"ext.{camel(n)} = '{v}'"),
    "jenkins_param": each(lambda n, v: f"string(name: '{n.upper()}', defaultValue: '{v}', description: 'x')"),
    "jenkins_withenv": each(lambda n, v: f"'{n.upper()}={v}'", ", ", "withEnv([", "]) {"),
    "make": each(lambda n, v: f"{n.upper()} := {v}"),
    "make_default": each(lambda n, v: f"{n.upper()} ?= {v}"),
    "cmake": each(lambda n, v: f'set({n.upper()} "{v}")'),
    "nginx_set": each(lambda n, v: f'set ${n} "{v}";'),
    "nginx_header": each(lambda n, v: f"proxy_set_header X-{kebab(n)} {v};"),
    "nginx_fastcgi": each(lambda n, v: f"fastcgi_param {n.upper()} {v};"),
    "apache": each(lambda n, v: f'SetEnv {n.upper()} "{v}"'),
    "apache_bare": each(lambda n, v: f"SetEnv {n.upper()} {v}"),
    "nix": each(lambda n, v: f'  {camel(n)} = "{v}";'),
    "puppet": each(lambda n, v: f"  {n} => '{v}',"),
    "chef": each(lambda n, v: f"default['aws']['{n}'] = '{v}'"),
    "mongo": each(lambda n, v: f'{n}: "{v}"', ", ", "db.c.insertOne({", "})"),
    "redis_set": each(lambda n, v: f"SET shop:{n} {v}"),
    "redis_hset": each(lambda n, v: f'HSET shop {n} "{v}"'),
    "sbt": each(lambda n, v: f'{camel(n)} := "{v}"'),
    "cdk": each(lambda n, v: f"      {n.upper()}: '{v}',", before="environment: {\n", after="\n}"),
    "cypher": each(lambda n, v: f"{camel(n)}: '{v}'", ", ", "CREATE (n {", "})"),
}

SHELL: dict[str, Callable[[Pairs], str]] = {
    "inline": lambda p: " ".join(f"{n.upper()}={v}" for n, v in p) + " ./run.sh",
    "declare": each(lambda n, v: f'declare -x {n.upper()}="{v}"'),
    "fish": each(lambda n, v: f"set -gx {n.upper()} {v}"),
    "csh": each(lambda n, v: f"setenv {n.upper()} {v}"),
    "default": each(lambda n, v: f'{n.upper()}="${{{n.upper()}:-{v}}}"'),
    "default_set": each(lambda n, v: f': "${{{n.upper()}:={v}}}"'),
    "heredoc": each(lambda n, v: f"{n}={v}", before="cat > .env <<EOF\n", after="\nEOF"),
    "echo_append": each(lambda n, v: f'echo "{n.upper()}={v}" >> .env'),
    "echo_export": each(lambda n, v: f"echo 'export {n.upper()}={v}' >> ~/.bashrc"),
    "flag_q": lambda p: "tool " + " ".join(f"--{kebab(n)} '{v}'" for n, v in p),
    "flag_nl": lambda p: "tool \\\n" + " \\\n".join(f"  --{kebab(n)} {v}" for n, v in p),
    "flag_short": lambda p: "tool " + " ".join(f"-{camel(n)} {v}" for n, v in p),
    "kubectl": lambda p: "kubectl create secret generic x " + " ".join(f"--from-literal={kebab(n)}={v}" for n, v in p),
    "gh_secret": each(lambda n, v: f'gh secret set {n.upper()} --body "{v}"'),
    "vault_put": lambda p: "vault kv put secret/shop " + " ".join(f"{n}={v}" for n, v in p),
    "fly": lambda p: "fly secrets set " + " ".join(f"{n.upper()}={v}" for n, v in p),
    "dotnet": each(lambda n, v: f'dotnet user-secrets set "Amazon:{pascal(n)}" "{v}"'),
    "wrangler": each(lambda n, v: f'echo "{v}" | wrangler secret put {n.upper()}'),
    "docker_secret": each(lambda n, v: f"printf '{v}' | docker secret create {n} -"),
    "curl_form": lambda p: "curl " + " ".join(f"-F '{n}={v}'" for n, v in p),
    "curl_encode": lambda p: "curl " + " ".join(f'--data-urlencode "{n}={v}"' for n, v in p),
    "curl_json": lambda p: "curl -d '" + json.dumps(dict(p)) + "'",
    "curl_json_dq": lambda p: 'curl -d "' + json.dumps(dict(p)).replace('"', '\\"') + '"',
    "curl_v": each(lambda n, v: f"> X-{n.replace('_', '-')}: {v}", before="> POST / HTTP/1.1\n"),
    "httpie": lambda p: "http POST shop.test " + " ".join(f"{n}={v}" for n, v in p),
    "ps_hash": each(lambda n, v: f"{pascal(n)} = '{v}'", "; ", "@{ ", " }"),
    "ps_param": lambda p: "Set-AWSCredential " + " ".join(f"-{pascal(n)} {v}" for n, v in p),
    "ps_secure": each(lambda n, v: f'${camel(n)} = ConvertTo-SecureString "{v}" -AsPlainText -Force'),
    "ps_typed": each(lambda n, v: f"[string]${pascal(n)} = '{v}'"),
    "ps_default": each(lambda n, v: f'    [string] ${pascal(n)} = "{v}",', before="param(\n", after="\n)"),
    "cmd_quoted": each(lambda n, v: f'set "{n.upper()}={v}"', "\r\n"),
    "docker_multi": each(lambda n, v: f"    {n.upper()}={v}", " \\\n", "ENV \\\n"),
    "docker_buildarg": lambda p: "docker build " + " ".join(f"--build-arg {n.upper()}={v}" for n, v in p) + " .",
    "docker_env_long": lambda p: "docker run " + " ".join(f'--env "{n.upper()}={v}"' for n, v in p) + " img",
    "systemd": each(lambda n, v: f'Environment="{n.upper()}={v}"', before="[Service]\n"),
    "systemd_many": lambda p: "[Service]\nEnvironment=" + " ".join(f'"{n.upper()}={v}"' for n, v in p),
    "supervisor": lambda p: "environment=" + ",".join(f'{n.upper()}="{v}"' for n, v in p),
    "launchctl": each(lambda n, v: f"launchctl setenv {n.upper()} {v}"),
    "cron": each(lambda n, v: f"{n.upper()}={v}", after="\n0 * * * * run"),
    "gha_step": each(lambda n, v: f"          {kebab(n)}: {v}", before="      - uses: a/b@v1\n        with:\n"),
    "gha_echo": each(lambda n, v: f'      - run: echo "{n.upper()}={v}" >> $GITHUB_ENV'),
    "gitlab": each(lambda n, v: f'  {n.upper()}: "{v}"', before="variables:\n"),
    "travis": each(lambda n, v: f"    - {n.upper()}={v}", before="env:\n  global:\n"),
    "azure": each(lambda n, v: f"- name: {n.upper()}\n  value: '{v}'", before="variables:\n"),
    "ansible_task": each(lambda n, v: f"    {n}: '{v}'", before="- amazon.aws.s3_object:\n"),
    "ansible_inline": lambda p: "- s3: " + " ".join(f"{n}={v}" for n, v in p),
    "ansible_ini": lambda p: "host1 " + " ".join(f"{n}='{v}'" for n, v in p),
    "ssm_long": each(
        lambda n, v: f'aws ssm put-parameter \\\n  --name "/shop/{n}" \\\n  --type "SecureString" \\\n  --value "{v}"'
    ),
    "secretsmanager": lambda p: (
        "aws secretsmanager create-secret --name x --secret-string '" + json.dumps(dict(p)) + "'"
    ),
    "eb_setenv": lambda p: "eb setenv " + " ".join(f"{n.upper()}={v}" for n, v in p),
    "lambda_env": lambda p: "--environment 'Variables={" + ",".join(f"{n.upper()}={v}" for n, v in p) + "}'",
}

TALK: dict[str, Callable[[Pairs], str]] = {
    "mail": labels,
    "mail_qp": lambda p: mail("quoted-printable\n\n" + soft(labels(p))),
    "mail_qp_crlf": lambda p: mail("quoted-printable\n\n" + soft(labels(p))).replace("\n", "\r\n"),
    "mail_qp_eq": lambda p: mail("quoted-printable\n\n" + soft("Grüße\n" + "".join(f"{n}={v}\n" for n, v in p))),
    "mail_base64": lambda p: mail("base64\n\n" + base64.encodebytes(labels(p).encode()).decode()),
    "mail_quoted": lambda p: "".join(f"> {line}\n" for line in labels(p).splitlines()),
    "mail_quoted2": lambda p: "".join(f">> {line}\n" for line in labels(p).splitlines()),
    "mail_dash": each(lambda n, v: f"{spoken(n)} - {v}"),
    "mail_endash": each(lambda n, v: f"{spoken(n)} – {v}"),
    "mail_arrow": each(lambda n, v: f"{spoken(n)} -> {v}"),
    "mail_next": each(lambda n, v: f"{spoken(n)}\n{v}\n"),
    "mail_next_colon": each(lambda n, v: f"{spoken(n)}:\n{v}\n"),
    "mail_next_blank": each(lambda n, v: f"{spoken(n)}:\n\n    {v}\n"),
    "mail_is": each(lambda n, v: f"{spoken(n)} is {v}"),
    "mail_brackets": each(lambda n, v: f"{spoken(n)} ({v})"),
    "mail_square": each(lambda n, v: f"{spoken(n)}: [{v}]"),
    "mail_angle": each(lambda n, v: f"{spoken(n)}: <{v}>"),
    "mail_quotes": each(lambda n, v: f"{spoken(n)}: “{v}”"),
    "mail_german": each(lambda n, v: f"{spoken(n)}: „{v}“"),
    "mail_french": each(lambda n, v: f"{spoken(n)} : « {v} »"),
    "mail_corner": each(lambda n, v: f"{spoken(n)}：「{v}」"),
    "mail_full_colon": each(lambda n, v: f"{spoken(n)}：{v}"),
    "mail_numbered": lambda p: "".join(f"{i}. {spoken(n)}: {v}\n" for i, (n, v) in enumerate(p, 1)),
    "mail_dots": each(lambda n, v: f"{spoken(n)} ........ {v}"),
    "mail_lower": each(lambda n, v: f"{spoken(n).lower()} {v}"),
    "mail_comma": each(lambda n, v: f"{spoken(n)}: {v}", ", ", "Here you go: ", ". Thanks!"),
    "mail_slash": lambda p: "/".join(spoken(n) for n, _ in p) + ": " + " / ".join(v for _, v in p),
    "mail_html": lambda p: "".join(f"<div>{spoken(n)}: {v}</div>" for n, v in p),
    "mail_html_qp": lambda p: mail(
        "quoted-printable\n\n" + soft("".join(f'<p style="margin:0">{spoken(n)}: {v}</p>' for n, v in p))
    ),
    "slack": lambda p: json.dumps(
        [{"user": "U1", "ts": "1.2", "text": "\n".join(f"*{spoken(n)}*: `{v}`" for n, v in p)}]
    ),
    "whatsapp": each(lambda n, v: f"[12.03.26, 10:11:12] Bob: {spoken(n)}: {v}"),
    "whatsapp_split": each(lambda n, v: f"12/03/2026, 10:11 - Bob: {spoken(n)}\n12/03/2026, 10:12 - Bob: {v}"),
    "irc": each(lambda n, v: f"<bob> {spoken(n).lower()} = {v}"),
    "jira": lambda p: json.dumps(
        {"fields": {"description": "h3. Keys\r\n" + "".join(f"* {spoken(n)}: {{{{{v}}}}}\r\n" for n, v in p)}}
    ),
    "jira_adf": lambda p: json.dumps(
        {
            "content": [
                x for n, v in p for x in ({"type": "text", "text": spoken(n) + ": "}, {"type": "text", "text": v})
            ]
        }
    ),
    "zendesk": lambda p: json.dumps(
        {"comment": {"html_body": "<p>" + "<br>".join(f"{spoken(n)}: {v}" for n, v in p) + "</p>"}}
    ),
    "teams": lambda p: json.dumps(
        {"body": {"contentType": "html", "content": "".join(f"<p>{spoken(n)}:&nbsp;{v}</p>" for n, v in p)}}
    ),
    "vcard": lambda p: "BEGIN:VCARD\nNOTE:" + "\\n".join(f"{spoken(n)}: {v}" for n, v in p) + "\nEND:VCARD",
    "srt": lambda p: "".join(
        f"{i}\n00:00:0{i},000 --> 00:00:0{i},900\n{spoken(n)}: {v}\n\n" for i, (n, v) in enumerate(p, 1)
    ),
    "log_prefix": each(lambda n, v: f"2026-01-02T10:00:00Z INFO [main] c.s.App - {camel(n)}: {v}"),
    "log_compose": each(lambda n, v: f"api_1  | {n.upper()}={v}"),
    "log_fmt": lambda p: 'level=debug msg="loaded" ' + " ".join(f'{n}="{v}"' for n, v in p),
    "log_json": lambda p: json.dumps({"level": "debug", "ctx": {camel(n): v for n, v in p}, "t": 1}),
    "log_json_msg": lambda p: json.dumps({"msg": "config " + json.dumps(dict(p))}),
    "log_syslog": each(lambda n, v: f"Jan  2 10:00:00 host app[77]: {n}={v}"),
    "log_trace": each(lambda n, v: f"+ export {n.upper()}={v}"),
    "log_locals": each(lambda n, v: f"    {n} = '{v}'", before='  File "a.py", line 7, in connect\n'),
    "log_describe": each(lambda n, v: f"      {n.upper()}:    {v}", before="    Environment:\n"),
    "log_colour": each(lambda n, v: f"\x1b[32m{n}\x1b[0m=\x1b[1m{v}\x1b[0m"),
    "log_arrow": each(lambda n, v: f"DEBUG {n} => {v}"),
    "log_bracket": each(lambda n, v: f"DEBUG [{n}:{v}]"),
    "diff_minus": each(lambda n, v: f"-    {n}: {v}", before="@@ -1,2 +1,2 @@\n"),
    "diff_plus_q": each(lambda n, v: f'+  "{camel(n)}": "{v}",', before="@@ -1,2 +1,2 @@\n"),
    "diff_word": each(lambda n, v: f"{n}: [-x-]{{+{v}+}}"),
    "comment_block": each(lambda n, v: f" * {n}: {v}", before="/*\n", after="\n */"),
    "comment_line": each(lambda n, v: f'// {camel(n)} = "{v}"'),
    "comment_html": lambda p: "<!-- " + " ".join(f"{n}={v}" for n, v in p) + " -->",
    "comment_todo": each(lambda n, v: f"# TODO remove: {n} {v}"),
}


def halves(value: str, between: str) -> str:
    """Return `value` with something between its two halves."""
    return value[: len(value) // 2] + between + value[len(value) // 2 :]


SPLIT = "' + \\\n    '"
PIECES: dict[str, Callable[[Pairs], str]] = {
    "props_continued": each(lambda n, v: f"{dotted(n)}={halves(v, chr(92) + chr(10) + '    ')}"),
    "shell_continued": each(lambda n, v: f"{n.upper()}={halves(v, chr(92) + chr(10))}"),
    "plus_backslash": each(lambda n, v: f"{n} = '{halves(v, SPLIT)}'"),
    "rust_concat": each(lambda n, v: f'let {n} = concat!("{halves(v, chr(34) + ", " + chr(34))}");'),
    "js_join": each(lambda n, v: f"const {camel(n)} = ['{halves(v, chr(39) + ', ' + chr(39))}'].join('');"),
    "dotnet_json": lambda p: json.dumps({pascal(n): v for n, v in p}).replace("+", "\\u002B").replace("/", "\\u002f"),
    "painted": each(lambda n, v: f"\x1b[32m{n.upper()}\x1b[0m=\x1b[33m{v}\x1b[0m"),
    "k8s_secret_json": lambda p: json.dumps(
        {"kind": "Secret", "data": {n.upper(): base64.b64encode(v.encode()).decode() for n, v in p}}
    ),
}
"""Values in pieces, painted or in JSON that escapes the marks of base64."""

LAYOUTS = {**DATA, **CODE, **SHELL, **TALK, **PIECES}
