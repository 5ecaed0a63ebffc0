"""Writes jinja-table.json: what real Jinja2 makes of the templates below, with StackStorm's settings and filters.

    python3 -m venv venv && venv/bin/pip install jinja2==3.1.6 pyyaml==6.0.4 semver==2.13.0 jsonpath-rw==1.4.0
    venv/bin/python test/catalogue/templates/jinja-table.py
"""
import json
import os
import re
import warnings

import jinja2
import jsonpath_rw
import semver
import yaml

warnings.simplefilter("ignore")
VARIABLES = {
    "hosts": ["a", "b", "c"],
    "mixed": ["b", "A", "c", "a"],
    "n": 7,
    "zero": 0,
    "half": 2.5,
    "text": "Hello, World",
    "path": "/srv/data/file.txt",
    "empty": "",
    "none": None,
    "yes": True,
    "no": False,
    "nothing": [],
    "d": {"b": 1, "a": 2},
    "deep": {"list": [{"name": "x", "on": True, "n": 2}, {"name": "y", "on": False, "n": 1}]},
    "quote": "it's",
    "quotes": "it's \"so\"",
    "wide": "\u00fc\U0001f600z",
    "lines": "one\ntwo\n\nthree",
    "blanks": "  x \t y  ",
    "json": '{"a": [1, 2.5, null, true]}',
    "version": "1.10.3",
}
EXPRESSIONS = r"""
"a" * 3 | 3 * "ab" | [1, 2] * 2 | "a" * 0 | "a" * -1 | (1,) * 2 | "a" * 2.0 | "a" * "b"
-7 % 3 | 7 % -3 | -7 // 2 | 7 // 2 | -7.5 // 2 | 7.5 % -2 | 6 / 2 | 7 / 2 | 1 / 3 | 1 / 0 | 1 % 0 | 2 ** 10 | 2 ** -1 | 2 ** 3 ** 2
-2 ** 2 | 2 ** 0.5 | 6 // 2.0 | 6 % 4.0 | 0.1 + 0.2 | 1e3 | 1e16 | 1.5e300 | 1e-5 | 0.0001 | 123456789012345680.0 | 1_000 + 1 | 0x1f + 0o17 + 0b11
1 + true | true + true | 1 - 2 - 3 | 2 + 3 * 4 | (2 + 3) * 4 | 10 - -3 | +n | -n | -half | - true | 1 + "a" | "a" + 1 | "a" + "b" | [1] + [2] | [1] + (2,) | none + 1
"a" ~ 1 ~ none ~ true ~ 1.0 ~ [1, "x"] | 1 + 2 ~ 3 + 4 | 1 ~ 2 * 3 | "%s" ~ n
n > 5 | n > 5 and n < 7 | 1 < n < 10 | 1 < n < 5 | 3 > 2 > 1 | (3 > 2) > 1 | 1 == 1.0 | 1 == true | "1" == 1 | [1, 2] == [1, 2] | [1] == (1,) | {"a": 1} == {"a": 1.0} | none == none | none == false | "a" < "b" | "B" < "a" | [1, 2] < [1, 3] | "a" < 1 | none < 1 | 1 != 2 != 1
"ell" in text | "x" in text | 1 in "1" | "a" in hosts | "z" not in hosts | "a" in d | 1 in [1.0] | true in [1] | none in [none] | 1 in 5 | not "a" in hosts | "a" in hosts and "b" in d | "a" in {"a": 1} == true
n and text | zero or "other" | empty or none | nothing or "empty list" | {} or "empty dict" | "" and 1 | not nothing | not none | not 0.0 | not "0" | yes and no | no or none | 0 or 0.0 | () or 1
text if n > 5 else "no" | "yes" if nothing else "no" | "a" if no else "b" if no else "c" | ("x" if no) | ("x" if yes) | 1 if 1 if 0 else 2 else 3
none | true | True | None | 3.0 | 1.10 | [] | {} | () | (1,) | (1, 2) | [1, 2.0, none, true, "x"] | {"a": [1], "b": {"c": none}} | [quote] | [quotes] | ["a\nb\t\\"] | [wide] | ["\x00\x7f\u00a0\u200b"] | hosts | d | deep | 1, 2 | 1, | [1, 2,] | {"a": 1,}
hosts[0] | hosts[-1] | hosts[9] | hosts[1:] | hosts[:-1] | hosts[::-1] | hosts[::2] | hosts[2:0:-1] | text[0] | text[-5:] | text[1:5:2] | text[::-1] | wide[1] | wide[::-1] | hosts.0 | d["a"] | d.a | d["x"] | d.x | d[0] | hosts["a"] | hosts.x | n.x | deep.list[1].name | deep.list.0.n | deep["list"][0]["name"] | none.x | none[0] | text[true] | text[1.0] | hosts[::0] | {"a": 1}.a | {1: "x"}[1] | [[1, 2], [3]][0][1] | "abc"[1] | (1, 2)[1] | text.x
"\d+\.x" | "a\tb" | 'it\'s' | "\u00e9\x41\101" | "a\
b" | "a" "b" 'c' | "}}" | "{{" | '%}' | "\q\8"
x | x.y | x or 1 | not x | x == 1 | x ~ "a" | x + 1 | x in hosts | hosts in x | [x] | {"a": x} | x[0] | x["a"] | x if yes else 1 | 1 if x else 2 | 1 if yes else x
n is defined | x is defined | x is undefined | x is not defined | d.x is defined | none is none | n is none | n is number | half is number | yes is number | text is string | n is string | n is integer | yes is integer | half is float | n is float | yes is boolean | yes is true | no is false | n is true | d is mapping | hosts is mapping | hosts is sequence | text is sequence | d is iterable | n is iterable | n is odd | n is even | zero is even | 9 is divisibleby 3 | 9 is divisibleby(2) | "a" is in hosts | "z" is not in hosts | 1 is eq 1 | 1 is ne 1 | 1 is lt 2 | 1 is gt(2) | 2 is ge 2 | 2 is le 1 | "abc" is lower | "aBc" is lower | "ABC" is upper | "12" is upper | "A1" is upper | 1 is sameas 1 | n is odd and n is defined | not n is even | 2 * n is odd | -1 is number | n is defined is true | n is odd == true | x is number | 1 is equalto 1.0 | x.y is defined
text is upper if yes else 2 | n is divisibleby 7 and yes
text | upper | text | lower | text | length | wide | length | hosts | length | d | length | n | length | none | length | text | title | "hello wORLD-x (y) it's" | title | "éCOLE" | capitalize | "" | capitalize | blanks | trim | "xxaxx" | trim("x") | "  a" | trim | n | upper | none | lower | yes | string | 3.0 | string | [1] | string
x | default("d") | empty | default("d") | empty | default("d", true) | none | default("d") | none | default("d", true) | x | default | d.x | default(1) | x | d("y") | n | default(x) | x | default(default_value=3) | no | default(1, boolean=true) | x.y | default(1) | x | default(x) | nothing | default([1], true) | zero | default(5)
"42" | int | "42.7" | int | "x" | int | "x" | int(5) | " 7 " | int | "-3" | int | 3.99 | int | -3.99 | int | yes | int | none | int | "0x1f" | int(0, 16) | "ff" | int(base=16) | "101" | int(base=2) | "1_000" | int | "" | int | "1e3" | int | [] | int | "3" | float | "x" | float | "x" | float(1) | "1.50" | float | n | float | none | float | "1e3" | float | "inf" | float | "-5" | int | abs | -2.5 | abs | -3 | abs | "a" | abs
2.5 | round | 3.5 | round | -2.5 | round | 2.675 | round(2) | 1.005 | round(2) | 0.125 | round(2) | 0.375 | round(2) | 42 | round | 42.55 | round(1, "floor") | 42.55 | round(1, "ceil") | 42 | round(0, "ceil") | 15 | round(-1) | 25 | round(-1) | 1234.5 | round(-2) | 42.55 | round(1) | int | 7 | round(method="floor") | 1e300 | round(2) | 0.5 | round | 1.5 | round | 5.015 | round(2)
hosts | join(",") | hosts | join | [1, none, 2.0, true] | join("-") | deep.list | join(", ", attribute="name") | deep.list | join(attribute="n") | "abc" | join("-") | d | join | [] | join("x") | hosts | join(1) | n | join | deep.list | join(",", "x")
hosts | first | hosts | last | [] | first | "abc" | first | "abc" | last | d | first | [] | last | hosts | reverse | join | "abc" | reverse | mixed | sort | mixed | sort(true) | mixed | sort(case_sensitive=true) | [3, 1, 2.5] | sort | [1, "a"] | sort | deep.list | sort(attribute="n") | map(attribute="name") | join | deep.list | sort(attribute="on,n", reverse=true) | map(attribute="name") | join | d | sort | mixed | unique | list | mixed | unique(true) | list | [1, 1.0, true, 2] | unique | list | hosts | list | "ab" | list | d | list | 5 | list | {} | first
[3, 1, 2] | min | [3, 1, 2] | max | mixed | min | mixed | max | [] | min | deep.list | max(attribute="n") | ["b", "A"] | min(case_sensitive=true) | [1, 2.5] | sum | [] | sum | deep.list | sum(attribute="n") | [1] | sum(start=10) | ["a"] | sum | [[1], [2]] | sum(start=[])
d | dictsort | d | dictsort(by="value") | d | dictsort(reverse=true) | {"b": 1, "A": 2} | dictsort | {"b": 1, "A": 2} | dictsort(true) | d | dictsort(by="x") | d | items | list | hosts | dictsort
hosts | map("upper") | join | hosts | map("replace", "a", "z") | list | deep.list | map(attribute="name") | list | deep.list | map(attribute="z", default="?") | list | deep.list | map(attribute="z") | list | hosts | map("nothing") | list | [1, 0, "", "x"] | select | list | [1, 0, "", "x"] | reject | list | [1, 2, 3, 4] | select("odd") | list | [1, 2, 3, 4] | reject("divisibleby", 2) | list | [1, 2, 3] | select("gt", 1) | list | deep.list | selectattr("on") | map(attribute="name") | list | deep.list | rejectattr("on") | map(attribute="name") | list | deep.list | selectattr("name", "equalto", "y") | list | hosts | select("in", ["a", "c"]) | list | deep.list | selectattr("z", "defined") | list | hosts | select("zzz") | list | d.values() | map("string") | join
text | replace("l", "L") | text | replace("l", "L", 2) | "aaa" | replace("a", "b", count=1) | "abc" | replace("", "-") | "abc" | replace("", "-", 2) | "a.b" | replace(".", "") | n | replace("7", "8") | "aXbX" | replace("X", 1)
lines | indent | lines | indent(2, true) | lines | indent(2, blank=true) | lines | indent("> ") | lines | indent(width=1, first=true, blank=true) | "one two_x  3" | wordcount | "a b&c/d?é" | urlencode | "it's (ok)!*~" | urlencode
d | tojson | hosts | tojson | {"a": "<b>&'\""} | tojson | deep | tojson | 1.0 | tojson | none | tojson | d | tojson(2) | [] | tojson(2) | {"a": {}} | tojson(indent=1) | wide | tojson
d | to_json_string | deep | to_json_string | d | to_json_string(2) | d | to_json_string(sort_keys=true) | d | to_json_string(separators=(",", ":")) | [1.0, none, wide] | to_json_string | d | to_complex | hosts | to_complex | quotes | json_escape | "a\nb" | json_escape | json | from_json_string | (json | from_json_string).a[1] | "x" | from_json_string | none | use_none | n | use_none | d | to_json_string(indent=1, sort_keys=true) | () | to_json_string
"eth0:1" | regex_replace("^([a-z]+)(\d):.*$", "\2-\1") | "abc" | regex_match("b") | "abc" | regex_match("a|b") | "abc" | regex_search("B") | "abc" | regex_search("B", true) | "abcabc" | regex_replace("b", "\\n") | "abxd" | regex_replace("x*", "-") | "ab" | regex_replace("(?P<x>a)", "[\g<x>]") | "ab" | regex_replace("(a)|(b)", "<\1\2>") | "ab" | regex_replace("a", "\3") | "a1b22" | regex_substring("\d+", 1) | "a1b22" | regex_substring("\d+", -1) | "a1b22" | regex_substring("\d+", 5) | "k=v" | regex_substring("(\w)=(\w)") | "k=v" | regex_substring("(\w)=") | "ABC" | regex_substring("b", 0, true) | 123 | regex_replace("2", "x") | "aXb" | regex_replace("x", "_", ignorecase=true) | "a(b" | regex_search("(") | none | regex_match("None")
"1.10.3" | version_compare("1.9.0") | "1.0.0-rc.1" | version_compare("1.0.0") | "1.0.0-alpha.2" | version_compare("1.0.0-alpha.10") | "1.0.0" | version_equal("1.0.0") | version | version_more_than("1.2.0") | version | version_less_than("1.2.0") | version | version_match(">=1.0.0") | version | version_match("!=1.10.3") | version | version_bump_major | version | version_bump_minor | version | version_bump_patch | version | version_strip_patch | "1.0" | version_compare("1.0.0") | "1.2.3+b1" | version_bump_patch | "1.0.0-a" | version_compare("1.0.0-1") | "1.0.0" | version_match("1.0.0")
d | to_yaml_string | deep | to_yaml_string | hosts | to_yaml_string | {"a": "yes", "b": "1", "c": "x: y", "d": "", "e": none, "f": 1.0, "g": true, "h": "it's", "i": "#x", "j": " s "} | to_yaml_string | {"a": {"b": [1, [2, 3], {"c": 4}]}} | to_yaml_string | {"l": "one\ntwo\n"} | to_yaml_string | wide | to_yaml_string | [] | to_yaml_string | {"e": {}, "f": []} | to_yaml_string | {"a": {"b": 1}} | to_yaml_string(4) | "a: 1" | from_yaml_string | ("a: [1, yes, x]" | from_yaml_string).a | "- 1" | from_yaml_string | "a: [" | from_yaml_string
path | basename | path | dirname | "file" | dirname | "/" | dirname | "//x" | dirname | "/a" | dirname | "a/b/" | basename | "a//b" | dirname
deep | jsonpath_query("list[*].name") | deep | jsonpath_query("$.list[0].n") | deep | jsonpath_query("list[9]") | deep | jsonpath_query("nope") | d | jsonpath_query("*") | deep | jsonpath_query("$") | deep | jsonpath_query("list.name")
3661 | to_human_time_from_seconds | 59 | to_human_time_from_seconds | 0 | to_human_time_from_seconds | 86400 | to_human_time_from_seconds | 90.6 | to_human_time_from_seconds | 60 | to_human_time_from_seconds
"a,b,,c".split(",") | "a b  c".split() | "a b c".split(none, 1) | "a,b,c".split(",", 1) | " x ".strip() | "xax".lstrip("x") | "xax".rstrip("x") | text.upper() | text.lower() | "hELLO x".capitalize() | text.startswith("He") | text.endswith(("x", "ld")) | text.replace("l", "") | ",".join(hosts) | ",".join([1]) | d.items() | list | d.keys() | list | d.values() | list | d.get("a") | d.get("x") | d.get("x", 5) | "".split(",") | "".split() | hosts.items() | n.upper() | "a b c ".split(" ") | "  a  b ".split(none, 1) | "a".split("")
range(3) | list | range(1, 4) | list | range(10, 0, -3) | list | range(0) | list | range(3) | join("-") | range(1, 2, 0) | list | range("x") | list
text|upper|replace("O", "0")|lower | (n + 1) | string ~ "x" | n + 1 | string | -n | abs | -3 | abs | n | string | length + 1 | not n | string | "a" ~ "b" | upper | 2 * "3" | int | hosts | join(",") == "a,b,c" | [1, 2] | length > 1 | (hosts | first) in hosts | n | default(1) + 1 | "a" | upper in ["A"] | text | length is odd | hosts | length is divisibleby 3
"""
TEMPLATES = [
    "echo {% for h in hosts if h != 'a' %}{{ h }} {% endfor %}",
    "{% for h in hosts if h == 'z' %}{{ h }}{% else %}none{% endfor %}",
    "{% for h in [] %}x{% else %}empty{% endfor %}",
    "{% for h in hosts %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }};{% endfor %}",
    "{% for h in hosts if h != 'b' %}{{ loop.index }}/{{ loop.length }}{{ h }}{% if not loop.last %},{% endif %}{% endfor %}",
    "{% for h in hosts %}{{ loop.previtem | default('-') }}{{ h }}{{ loop.nextitem | default('-') }} {% endfor %}",
    "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}",
    "{% for k in d %}{{ k }}{% endfor %}",
    "{% for k, v in d | dictsort %}{{ k }}={{ v }};{% endfor %}",
    "{% for (a, b) in [(1, 2), [3, 4]] %}{{ a }}{{ b }} {% endfor %}",
    "{% for a, b in [1] %}{{ a }}{% endfor %}",
    "{% for a, b in [[1, 2, 3]] %}{{ a }}{% endfor %}",
    "{% for c in 'abc' %}{{ c }}-{% endfor %}",
    "{% for i in range(3) %}{{ i }}{% endfor %}",
    "{% for a in hosts %}{% for b in hosts if a != b %}{{ a }}{{ b }}{{ loop.index }} {% endfor %}{% endfor %}",
    "{% for x in n %}{{ x }}{% endfor %}",
    "{% for x in none %}{{ x }}{% endfor %}",
    "{% for q in missing %}{{ q }}{% endfor %}",
    "{% for x in 1, 2 %}{{ x }}{% endfor %}",
    "{% for x in hosts %}{{ x }}{% endfor %}{{ x }}",
    "{% for x in hosts or ['z'] if x %}{{ x }}{% endfor %}",
    "{% for x in hosts %}{{ loop.nothing }}{% endfor %}",
    "{% for h in hosts if loop.first %}{{ h }}{% endfor %}",
    "{% if n > 5 %}big{% elif n > 3 %}mid{% else %}small{% endif %}",
    "{% if zero %}a{% elif nothing %}b{% else %}c{% endif %}",
    "{% if x %}a{% endif %}",
    "{% if x is defined and x %}a{% else %}b{% endif %}",
    "{% if n == 7 %}seven{% endif %} end",
    "{% if no %}x{% endif %}",
    "{% if n %}{% if no %}a{% else %}b{% endif %}{% endif %}",
    "{% set a = n + 1 %}{{ a }}",
    "{% set a, b = 1, 2 %}{{ a }}{{ b }}",
    "{% set a %}x{{ n }}{% endset %}[{{ a }}]",
    "{% set a = 1 %}{% for i in [1, 2] %}{% set a = a + i %}{% endfor %}{{ a }}",
    "{% if yes %}{% set a = 5 %}{% endif %}{{ a }}",
    "{% raw %}{{ n }} {% if %}{% endraw %} {{ n }}",
    "a\n{% raw %}\n  {{ x }}\n{% endraw %}\nb",
    "{%- raw -%}  {{ x }}  {%- endraw -%}  y",
    "a {# comment {{ x }} #}b {{ n }}",
    "a\n  {# whole line #}\nb {{ n }}",
    "line 1\n{% if yes %}\nline 2\n{% endif %}\nline 3\n",
    "  {% if yes %}\n  x\n  {% endif %}\ny",
    "a {% if yes %} b {% endif %} c",
    "a {%- if yes -%} b {%- endif -%} c",
    "a\n\n  {{- n -}}  \n b",
    "a {%+ if yes +%}\n b {% endif %}",
    "{{ n }}\n",
    "{{ n }}\n\n",
    "{{ n }}\nx\n",
    "x\r\n{{ n }}\r\ny",
    "   {{ n }}   ",
    "\n{% for h in hosts %}\n  - {{ h }}\n{% endfor %}\nend",
    "{{ n }}{{ text }}{{ hosts }}",
    "{{ '}}' }} {{ \"%}\" }}",
    "{{ {'a': {'b': 1}}['a']['b'] }}x",
    "{{ {'a': {'b': 1}} }}x",
    "{{ n",
    "{{ }}x",
    "{% if n %}x",
    "{% endif %}",
    "{% else %}",
    "{% for x hosts %}{% endfor %}",
    "{% if %}x{% endif %}",
    "{# open {{ n }}",
    "{% raw %}{{ n }}",
    "{{ n n }}x",
    "{{ (n }}x",
    "{{ n) }}x",
    "{{ 'open }}x",
    "{{ n | }}x",
    "{{ n ! }}x",
    "{{ hosts[ }}x",
    "{{ 012 }}x",
    "docker ps --format '{{.Names}}'",
    "{{ n; }}x",
    "{% unknown %}{{ n }}",
    "{{ n if }}x",
    "{{ in }}x",
    "{{ n }} ${#array[@]} {",
    "{{ n }} }} %} #}",
    "{% if yes %}a{% else %}b{% else %}c{% endif %}",
    "{% for h in hosts %}{{ h }}{% endfor %}{% for h in hosts %}{{ loop.index }}{% endfor %}",
    "{{ 'a' if yes }}{{ 'b' if yes else 'c' }}",
    "{%if yes%}tight{%endif%}",
    "{{n}}{{-n-}} {{ n }}",
    "{% for k, v in deep.list[0].items() %}{{ k }}:{{ v }} {% endfor %}",
    "{% for item in deep.list if item.on %}{{ item.name }}{% endfor %}",
    "{% for item in deep.list | selectattr('on') %}{{ item['name'] }}{% endfor %}",
    "x{% if hosts | length > 2 and 'a' in hosts %}y{% endif %}",
]


def human_time(seconds):
    if seconds == 0:
        return "0s"
    seconds = round(seconds) if isinstance(seconds, float) else seconds
    parts = [seconds // 86400, seconds // 3600 % 24, seconds // 60 % 60, seconds % 60]
    while not parts[0]:
        parts.pop(0)
    return "".join("%d%s" % pair for pair in zip(parts, "dhms"[-len(parts) :]))


def flags(ignorecase):
    return re.I if ignorecase else 0


FILTERS = {
    "to_json_string": lambda value, indent=None, sort_keys=False, separators=(",", ": "): json.dumps(
        value, indent=indent, sort_keys=sort_keys, separators=separators
    ),
    "to_complex": json.dumps,
    "json_escape": lambda value: json.dumps(value).strip('"'),
    "from_json_string": lambda value: json.loads(str(value)),
    "to_yaml_string": lambda value, indent=None, allow_unicode=True: yaml.safe_dump(
        value, default_flow_style=False, indent=indent, allow_unicode=allow_unicode
    ),
    "from_yaml_string": lambda value: yaml.safe_load(str(value)),
    "jsonpath_query": lambda value, query: [match.value for match in jsonpath_rw.parse(query).find(value)] or None,
    "use_none": lambda value: "%*****__%NONE%__*****%" if value is None else value,
    "regex_match": lambda value, pattern, ignorecase=False: bool(re.match(pattern, str(value), flags(ignorecase))),
    "regex_search": lambda value, pattern, ignorecase=False: bool(re.search(pattern, str(value), flags(ignorecase))),
    "regex_replace": lambda value, pattern, replacement, ignorecase=False: re.sub(
        pattern, replacement, str(value), flags=flags(ignorecase)
    ),
    "regex_substring": lambda value, pattern, result_index=0, ignorecase=False: re.findall(
        pattern, str(value), flags(ignorecase)
    )[result_index],
    "to_human_time_from_seconds": human_time,
    "version_compare": semver.compare,
    "version_more_than": lambda value, other: semver.compare(value, other) == 1,
    "version_less_than": lambda value, other: semver.compare(value, other) == -1,
    "version_equal": lambda value, other: semver.compare(value, other) == 0,
    "version_match": semver.match,
    "version_bump_major": semver.bump_major,
    "version_bump_minor": semver.bump_minor,
    "version_bump_patch": semver.bump_patch,
    "version_strip_patch": lambda value: "{major}.{minor}".format(**semver.parse(value)),
    "basename": os.path.basename,
    "dirname": os.path.dirname,
}


def expressions():
    """A filter's name after a bar belongs to the expression before it: a new one starts where the rest is no filter."""
    for line in EXPRESSIONS.strip().replace("\\\nb", "\\@b").split("\n"):
        parts = line.split(" | ")
        current = parts[0]
        for part in parts[1:]:
            name = re.match(r"\w+", part)
            is_filter = name and name.group() in environment.filters and not re.match(r"d(\[|\.|$| (in|is)\b)", part)
            if name and name.group() == "nothing" and "map" in current:
                is_filter = True
            if is_filter and current:
                current += " | " + part
            else:
                yield current.replace("\\@", "\\\n")
                current = part
        yield current.replace("\\@", "\\\n")


environment = jinja2.Environment(undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
environment.filters.update(FILTERS)
environment.tests["in"] = lambda item, container: item in container


def render(template):
    try:
        return environment.from_string(template).render(VARIABLES)
    except Exception:
        return None


def main():
    templates = ["{{ %s }}" % expression for expression in expressions()] + TEMPLATES
    rows = [[template, render(template)] for template in dict.fromkeys(templates)]
    target = os.path.join(os.path.dirname(os.path.abspath(__file__)), "jinja-table.json")
    with open(target, "w", encoding="utf-8") as file:
        lines = ",\n    ".join(json.dumps(row, ensure_ascii=True) for row in rows)
        file.write('{\n  "variables": %s,\n  "rows": [\n    %s\n  ]\n}\n' % (json.dumps(VARIABLES), lines))


main()
