// js-tiktoken's tokens of the texts on standard input, divided by NUL: a line of ids each, by the ranks that are named.
import { readFileSync } from "node:fs";
import { Tiktoken } from "js-tiktoken/lite";

const [name, bench] = process.argv.slice(2);
const { default: ranks } = await import(`js-tiktoken/ranks/${name}`);
const encoder = new Tiktoken(ranks);
const texts = readFileSync(0).toString("utf8").split("\0");
const start = process.hrtime.bigint();
const lines = texts.map((text) => encoder.encode(text, [], []).map((id) => `${id} `).join(""));
const seconds = Number(process.hrtime.bigint() - start) / 1e9;
const bytes = Buffer.byteLength(texts.join(""));
if (bench) console.log(`js-tiktoken ${name}: ${(bytes / seconds / 1e6).toFixed(1)} MB/s, ${((seconds * 1e6) / texts.length).toFixed(1)} us a text`);
else console.log(lines.join("\n"));
