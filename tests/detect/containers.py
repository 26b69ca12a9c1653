"""The containers in which names and values stand: every syntax a secret is written down in, as a function."""

import json
from collections.abc import Callable
from urllib.parse import quote
from xml.sax.saxutils import escape

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


CONTAINERS: dict[str, Callable[[Pairs], str]] = {
    "env": lambda p: "".join(f"{n.upper()}={v}\n" for n, v in p),
    "env_q": lambda p: "".join(f'{n.upper()}="{v}"\n' for n, v in p),
    "export": lambda p: "".join(f"export {n.upper()}='{v}'\n" for n, v in p),
    "export_tight": lambda p: "export " + " ".join(f"{n.upper()}={v}" for n, v in p),
    "cmdset": lambda p: "".join(f"set {n.upper()}={v}\r\n" for n, v in p),
    "setx": lambda p: "".join(f'setx {n.upper()} "{v}"\r\n' for n, v in p),
    "setx_bare": lambda p: "".join(f"setx {n.upper()} {v} /M\r\n" for n, v in p),
    "pwsh": lambda p: "".join(f'$env:{n.upper()} = "{v}"\n' for n, v in p),
    "pwsh_set": lambda p: "".join(
        f'[Environment]::SetEnvironmentVariable("{n.upper()}", "{v}", "User")\n' for n, v in p
    ),
    "javad": lambda p: "java " + " ".join(f"-D{dotted(n)}={v}" for n, v in p) + " -jar x.jar",
    "flags": lambda p: "tool " + " ".join(f"--{kebab(n)} {v}" for n, v in p),
    "flags_eq": lambda p: "tool " + " ".join(f'--{kebab(n)}="{v}"' for n, v in p),
    "docker_env": lambda p: "FROM x\n" + "".join(f"ENV {n.upper()} {v}\n" for n, v in p),
    "docker_env_eq": lambda p: "FROM x\n" + "".join(f"ENV {n.upper()}={v}\n" for n, v in p),
    "docker_arg": lambda p: "".join(f'ARG {n.upper()}="{v}"\n' for n, v in p),
    "docker_run": lambda p: "docker run " + " ".join(f"-e {n.upper()}={v}" for n, v in p) + " img",
    "ini": lambda p: "[default]\n" + "".join(f"{n.lower()} = {v}\n" for n, v in p),
    "props": lambda p: "".join(f"{dotted(n)}   =   {v}\n" for n, v in p),
    "props_colon": lambda p: "".join(f"{camel(n)} : {v}\n" for n, v in p),
    "props_space": lambda p: "".join(f"{dotted(n)} {v}\n" for n, v in p),
    "yaml": lambda p: "x:\n" + "".join(f"  {n.lower()}: {v}\n" for n, v in p),
    "yaml_q": lambda p: "x:\n" + "".join(f"  {camel(n)}: '{v}'\n" for n, v in p),
    "yaml_block": lambda p: "x:\n" + "".join(f"  {camel(n)}: >-\n    {v}\n" for n, v in p),
    "k8s": lambda p: "env:\n" + "".join(f"  - name: {n.upper()}\n    value: {v}\n" for n, v in p),
    "k8s_q": lambda p: "env:\n" + "".join(f'- name: "{n.upper()}"\n  value: "{v}"\n' for n, v in p),
    "k8s_rev": lambda p: "env:\n" + "".join(f'  - value: "{v}"\n    name: {n.upper()}\n' for n, v in p),
    "ecs": lambda p: json.dumps({"environment": [{"name": n.upper(), "value": v} for n, v in p]}, indent=2),
    "ecs_flat": lambda p: json.dumps({"environment": [{"name": n.upper(), "value": v} for n, v in p]}),
    "ecs_rev": lambda p: json.dumps({"environment": [{"value": v, "name": n.upper()} for n, v in p]}),
    "cfn": lambda p: json.dumps([{"ParameterKey": pascal(n), "ParameterValue": v} for n, v in p], indent=1),
    "cfn_yaml": lambda p: (
        "Parameters:\n" + "".join(f"  {pascal(n)}:\n    Type: String\n    Default: {v}\n" for n, v in p)
    ),
    "keyvalue": lambda p: json.dumps([{"key": n.lower(), "value": v, "enabled": True} for n, v in p], indent=1),
    "postman": lambda p: json.dumps(
        {"values": [{"key": n.lower(), "type": "default", "value": v} for n, v in p]}, indent=1
    ),
    "js": lambda p: json.dumps({camel(n): v for n, v in p}),
    "js_indent": lambda p: json.dumps({n.lower(): v for n, v in p}, indent=4),
    "js_pascal": lambda p: json.dumps({pascal(n): v for n, v in p}, indent=2),
    "js_slash": lambda p: json.dumps({camel(n): v for n, v in p}).replace("/", "\\/"),
    "js_js": lambda p: json.dumps({"b": json.dumps({camel(n): v for n, v in p})}),
    "js_obj": lambda p: "const c = {\n" + "".join(f"  {camel(n)}: '{v}',\n" for n, v in p) + "};",
    "js_bt": lambda p: "".join(f"const {camel(n)} = `{v}`;\n" for n, v in p),
    "procenv": lambda p: "".join(f"process.env.{n.upper()} = '{v}';\n" for n, v in p),
    "procenv_or": lambda p: "".join(f"const {camel(n)} = process.env.{n.upper()} || '{v}';\n" for n, v in p),
    "py": lambda p: "".join(f'{n.upper()} = "{v}"\n' for n, v in p),
    "py_dict": lambda p: "credentials = dict(\n" + "".join(f"    {n.lower()}='{v}',\n" for n, v in p) + ")",
    "py_dict2": lambda p: "c = {" + ", ".join(f"'{n.lower()}': '{v}'" for n, v in p) + "}",
    "py_getenv": lambda p: "".join(f'{n.lower()} = os.environ.get("{n.upper()}", "{v}")\n' for n, v in p),
    "py_env": lambda p: "".join(f'os.environ["{n.upper()}"] = "{v}"\n' for n, v in p),
    "py_typed": lambda p: "".join(f'    {n.lower()}: str = "{v}"\n' for n, v in p),
    "py_call": lambda p: "Client(" + ", ".join(f'{n.lower()}="{v}"' for n, v in p) + ")",
    "py_paren": lambda p: "".join(f'{n.upper()} = (\n    "{v}"\n)\n' for n, v in p),
    "py_cat": lambda p: "".join(f'{n.upper()} = "{v[:17]}" + "{v[17:]}"\n' for n, v in p),
    "py_adj": lambda p: "".join(f'{n.upper()} = (\n    "{v[:21]}"\n    "{v[21:]}"\n)\n' for n, v in p),
    "js_cat": lambda p: "".join(
        f"const {camel(n)} = '{v[:13]}' +\n    '{v[13:29]}' +\n    '{v[29:]}';\n" for n, v in p
    ),
    "php_cat": lambda p: "".join(f"$config['{camel(n)}'] = '{v[:20]}' . '{v[20:]}';\n" for n, v in p),
    "py_bs": lambda p: "".join(f'{n.upper()} = "{v[:25]}" \\\n    "{v[25:]}"\n' for n, v in p),
    "php": lambda p: "".join(f"$store['x']['{camel(n)}'] = '{v}';\n" for n, v in p),
    "php_arr": lambda p: "return [\n" + "".join(f"    '{camel(n)}' => '{v}',\n" for n, v in p) + "];",
    "php_def": lambda p: "".join(f"define('{n.upper()}', '{v}');\n" for n, v in p),
    "php_named": lambda p: "new Configuration(\n" + "".join(f'    {camel(n)}: "{v}",\n' for n, v in p) + ");",
    "php_envd": lambda p: "".join(f"'{n.lower()}' => env('{n.upper()}', '{v}'),\n" for n, v in p),
    "rb": lambda p: "".join(f'  {n.lower()}: "{v}",\n' for n, v in p),
    "rb_rocket": lambda p: "{" + ", ".join(f':{n.lower()} => "{v}"' for n, v in p) + "}",
    "rb_conf": lambda p: "".join(f'  config.{n.lower()} = "{v}"\n' for n, v in p),
    "java": lambda p: "".join(f'private static final String {n.upper()} = "{v}";\n' for n, v in p),
    "java_build": lambda p: "Creds.builder()" + "".join(f'\n  .{camel(n)}("{v}")' for n, v in p) + "\n  .build();",
    "java_with": lambda p: "new C()" + "".join(f'.with{pascal(n)}("{v}")' for n, v in p),
    "java_set": lambda p: "".join(f'c.set{pascal(n)}("{v}");\n' for n, v in p),
    "java_put": lambda p: "".join(f'map.put("{camel(n)}", "{v}");\n' for n, v in p),
    "cs": lambda p: "new AmazonCredential {\n" + "".join(f'  {pascal(n)} = "{v}",\n' for n, v in p) + "};",
    "cs_idx": lambda p: "".join(f'config["Amazon:{pascal(n)}"] = "{v}";\n' for n, v in p),
    "cs_const": lambda p: "".join(f'public const string {pascal(n)} = @"{v}";\n' for n, v in p),
    "go": lambda p: "Config{\n" + "".join(f'\t{pascal(n)}: "{v}",\n' for n, v in p) + "}",
    "go_assign": lambda p: "".join(f'{camel(n)} := "{v}"\n' for n, v in p),
    "go_setenv": lambda p: "".join(f'os.Setenv("{n.upper()}", "{v}")\n' for n, v in p),
    "rust": lambda p: "".join(f'let {n.lower()} = String::from("{v}");\n' for n, v in p),
    "rust_const": lambda p: "".join(f'const {n.upper()}: &str = "{v}";\n' for n, v in p),
    "kotlin": lambda p: "".join(f'val {camel(n)}: String = "{v}"\n' for n, v in p),
    "swift": lambda p: "".join(f'let {camel(n)} = "{v}"\n' for n, v in p),
    "tf": lambda p: 'provider "aws" {\n' + "".join(f'  {n.lower():<24} = "{v}"\n' for n, v in p) + "}",
    "tf_var": lambda p: "".join(
        f'variable "{n.lower()}" {{\n  type    = string\n  default = "{v}"\n}}\n' for n, v in p
    ),
    "xml": lambda p: "<c>" + "".join(f"<{pascal(n)}>{escape(v)}</{pascal(n)}>" for n, v in p) + "</c>",
    "xml_nl": lambda p: "<c>\n" + "".join(f"  <{camel(n)}>\n    {escape(v)}\n  </{camel(n)}>\n" for n, v in p) + "</c>",
    "xml_cdata": lambda p: "".join(f"<{n.lower()}><![CDATA[{v}]]></{n.lower()}>\n" for n, v in p),
    "xml_attr": lambda p: "<c " + " ".join(f'{camel(n)}="{v}"' for n, v in p) + "/>",
    "xml_add": lambda p: (
        "<appSettings>\n" + "".join(f'  <add key="{pascal(n)}" value="{v}" />\n' for n, v in p) + "</appSettings>"
    ),
    "xml_prop": lambda p: "".join(f'<property name="{dotted(n)}" value="{v}"/>\n' for n, v in p),
    "xml_prop_el": lambda p: "".join(
        f"<property>\n<name>{dotted(n)}</name>\n<value>{v}</value>\n</property>\n" for n, v in p
    ),
    "xml_string": lambda p: "".join(f'<string name="{n.lower()}">{v}</string>\n' for n, v in p),
    "plist": lambda p: "".join(f"<key>{pascal(n)}</key>\n<string>{v}</string>\n" for n, v in p),
    "csv": lambda p: ",".join(n.replace("_", " ").title() for n, v in p) + "\n" + ",".join(v for n, v in p) + "\n",
    "csv_q": lambda p: ",".join(f'"{n.lower()}"' for n, v in p) + "\r\n" + ",".join(f'"{v}"' for n, v in p) + "\r\n",
    "csv_user": lambda p: (
        "User name,Password,"
        + ",".join(n.replace("_", " ") for n, v in p)
        + ",Console login link\nbot,,"
        + ",".join(v for n, v in p)
        + ",https://x.test/\n"
    ),
    "csv_semi": lambda p: (
        "id;"
        + ";".join(n.lower() for n, v in p)
        + "\n"
        + "1;"
        + ";".join("x" for n, v in p)
        + "\n2;"
        + ";".join(v for n, v in p)
        + "\n"
    ),
    "tsv": lambda p: "id\t" + "\t".join(n.lower() for n, v in p) + "\n7\t" + "\t".join(v for n, v in p) + "\n",
    "mdtable": lambda p: "| name | value |\n|---|---|\n" + "".join(f"| {n.upper()} | `{v}` |\n" for n, v in p),
    "mdlist": lambda p: "".join(f"* **{n.replace('_', ' ')}**: `{v}`\n" for n, v in p),
    "header": lambda p: "".join(f"X-{n.replace('_', '-')}: {v}\r\n" for n, v in p),
    "curl": lambda p: "curl -X POST https://x.test " + " ".join(f"-d '{n.lower()}={v}'" for n, v in p),
    "curl_h": lambda p: "curl " + " ".join(f'-H "{n.lower().replace("_", "-")}: {v}"' for n, v in p),
    "form": lambda p: "grant_type=x&" + "&".join(f"{n.lower()}={quote(v, safe='')}" for n, v in p) + "&y=1",
    "url": lambda p: "GET /a?" + "&".join(f"{camel(n)}={quote(v, safe='')}" for n, v in p) + " HTTP/1.1",
    "form_log": lambda p: 'body="' + quote("&".join(f"{n.lower()}={v}" for n, v in p), safe="") + '"',
    "log": lambda p: "2026-01-02 10:00:00 DEBUG " + ", ".join(f"{camel(n)}={v}" for n, v in p),
    "pyrepr": lambda p: "DEBUG {" + ", ".join(f"b'{n.lower()}': b'{v}'" for n, v in p) + "}",
    "gostr": lambda p: "&{" + " ".join(f"{pascal(n)}:{v}" for n, v in p) + "}",
    "toml": lambda p: "[x]\n" + "".join(f'{kebab(n)} = "{v}"\n' for n, v in p),
    "sql": lambda p: "".join(f"INSERT INTO settings (name, value) VALUES ('{n.lower()}', '{v}');\n" for n, v in p),  # noqa: S608 - text to scan
    "sql_upd": lambda p: "".join(f"UPDATE app SET {n.lower()} = '{v}' WHERE id = 1;\n" for n, v in p),  # noqa: S608 - text to scan
    "comment": lambda p: "".join(f"# {n.upper()}={v}\n" for n, v in p),
    "diff": lambda p: "".join(f"+{n.upper()}={v}\n" for n, v in p),
    "ansible": lambda p: "".join(f'{n.lower()}: !unsafe "{v}"\n' for n, v in p),
    "gha": lambda p: "env:\n" + "".join(f"  {n.upper()}: {v} # x\n" for n, v in p),
    "jenkins": lambda p: "".join(f"environment {{ {n.upper()} = '{v}' }}\n" for n, v in p),
    "heroku": lambda p: "heroku config:set " + " ".join(f"{n.upper()}={v}" for n, v in p),
    "awscfg": lambda p: "".join(f"aws configure set {n.lower()} {v} --profile x\n" for n, v in p),
    "ipynb": lambda p: json.dumps({"cells": [{"source": [f'{n.upper()} = "{v}"\n' for n, v in p]}]}, indent=1),
    "sbatch": lambda p: "".join(
        f'ssm put-parameter --name /x/{n.lower()} --value "{v}" --type SecureString\n' for n, v in p
    ),
    "lua": lambda p: "".join(f'  ["{n.lower()}"] = "{v}",\n' for n, v in p),
    "perl": lambda p: "".join(f"my ${n.lower()} = q{{{v}}};\n" for n, v in p),
}
