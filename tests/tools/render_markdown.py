"""Renders Markdown as the hosts of repositories do and says what stands on the page.

Reads from standard input a JSON list of texts. Writes a list of the same length; each item maps "github", "gitlab" and
"bitbucket" to {"tables": rows of cells, "code": texts of blocks, "summaries": texts, "headings": texts, "tags": names of
tags, "attributes": names of attributes, "open": tags that were not closed}. No host lets a page's own markup be more than that.
"""

import json
import sys
from html.parser import HTMLParser

import cmarkgfm
import comrak
import markdown

VOID = {"br", "hr", "img", "input", "wbr"}


class Page(HTMLParser):
    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.tables, self.code, self.summaries, self.headings = [], [], [], []
        self.tags, self.attributes, self.stack, self.texts = set(), set(), [], []
        self.wrong = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attributes)
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("td", "th", "pre", "summary", "h3", "h4"):
            self.texts.append("")
        if tag not in VOID:
            self.stack.append(tag)

    def handle_endtag(self, tag):
        if not self.stack or self.stack.pop() != tag:
            self.wrong.append(tag)
            return
        into = {"pre": self.code, "summary": self.summaries, "h3": self.headings, "h4": self.headings}
        if tag in ("td", "th"):
            self.tables[-1][-1].append(self.texts.pop())
        elif tag in into:
            into[tag].append(self.texts.pop())

    def handle_data(self, data):
        if self.texts:
            self.texts[-1] += data

    def answer(self):
        return {"tables": self.tables, "code": self.code, "summaries": self.summaries, "headings": self.headings,
                "tags": sorted(self.tags), "attributes": sorted(self.attributes), "open": self.stack + self.wrong}


def github(text):
    return cmarkgfm.github_flavored_markdown_to_html(text, options=cmarkgfm.cmark.Options.CMARK_OPT_UNSAFE)


def gitlab(text):
    extensions, render = comrak.ExtensionOptions(), comrak.RenderOptions()
    for name in ("alerts", "autolink", "footnotes", "math_code", "math_dollars", "multiline_block_quotes", "shortcodes",
                 "strikethrough", "table", "tasklist", "wikilinks_title_before_pipe", "description_lists"):
        setattr(extensions, name, True)
    render.unsafe_ = True
    return comrak.render_markdown(text, extension_options=extensions, render_options=render)


def bitbucket(text):
    engine = markdown.Markdown(extensions=["tables", "fenced_code"])
    # It shows tags as they are written.
    engine.preprocessors.deregister("html_block")
    engine.inlinePatterns.deregister("html")
    return engine.convert(text)


def main():
    hosts = {"github": github, "gitlab": gitlab, "bitbucket": bitbucket}
    pages = [{name: Page(render(text)).answer() for name, render in hosts.items()} for text in json.load(sys.stdin)]
    json.dump(pages, sys.stdout)


main()
