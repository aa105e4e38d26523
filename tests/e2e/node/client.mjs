// Runs the official Node client through what applications do, and prints what it saw as JSON.
import OpenAI from "openai";

const client = new OpenAI({ baseURL: process.env.BASE_URL, apiKey: process.env.API_KEY, maxRetries: 0, timeout: 15000 });
const messages = [{ role: "user", content: "hi" }];
const tools = [{ type: "function", function: { name: "get_weather", parameters: { type: "object", properties: { city: { type: "string" } } } } }];
const schema = { type: "object", properties: { age: { type: "integer" } }, required: ["age"], additionalProperties: false };

const failure = async (work) => {
  try {
    await work();
    return { name: "none" };
  } catch (error) {
    return { name: error.constructor.name, status: error.status, code: error.code, param: error.param, message: error.message };
  }
};
const collect = async (stream) => {
  const seen = { text: "", reasons: [], usage: null, chunks: 0, lastChoices: -1 };
  for await (const chunk of stream) {
    seen.chunks += 1;
    seen.lastChoices = chunk.choices.length;
    for (const choice of chunk.choices) {
      seen.text += choice.delta.content ?? "";
      if (choice.finish_reason) seen.reasons.push(choice.finish_reason);
    }
    if (chunk.usage) seen.usage = chunk.usage;
  }
  return seen;
};

const cases = {
  chat: async () => (await client.chat.completions.create({ model: "gpt", messages })).choices[0].message.content,
  claude: async () => (await client.chat.completions.create({ model: "claude", messages })).choices[0].message.content,
  stream: async () => collect(await client.chat.completions.create({ model: "gpt", messages, stream: true })),
  usage: async () =>
    collect(await client.chat.completions.create({ model: "gpt", messages, stream: true, stream_options: { include_usage: true } })),
  tools: async () => {
    const x_fake = { tool_calls: [{ name: "get_weather", arguments: { city: "Oslo" } }] };
    const stream = client.chat.completions.stream({ model: "gpt", messages, tools, x_fake });
    const message = await stream.finalMessage();
    return message.tool_calls.map((call) => [call.function.name, JSON.parse(call.function.arguments)]);
  },
  structured: async () => {
    const response_format = { type: "json_schema", json_schema: { name: "p", strict: true, schema } };
    const answer = await client.chat.completions.parse({ model: "gpt", messages, response_format });
    return JSON.parse(answer.choices[0].message.content);
  },
  n: async () => (await client.chat.completions.create({ model: "gpt", messages, n: 2 })).choices.map((choice) => choice.index),
  prompt: async () =>
    (await client.chat.completions.create({ model: "greeting", messages: [], fairlead: { variables: { name: "Ada" } } })).choices.length,
  models: async () => {
    const ids = [];
    for await (const model of client.models.list()) ids.push(model.id);
    return ids;
  },
  rate_limit: () => failure(() => client.chat.completions.create({ model: "gpt", messages, x_fake: { error: 429 } })),
  bad_request: () => failure(() => client.chat.completions.create({ model: "gpt", messages, temperature: "hot" })),
  unknown_model: () => failure(() => client.chat.completions.create({ model: "gtp", messages })),
  wrong_key: () => failure(() => new OpenAI({ baseURL: process.env.BASE_URL, apiKey: "fl-nobody", maxRetries: 0 }).models.list()),
  upstream_down: () => failure(() => client.chat.completions.create({ model: "unreachable", messages })),
  broken_stream: () =>
    failure(async () => collect(await client.chat.completions.create({ model: "gpt", messages, stream: true, x_fake: { reset_after: 2 } }))),
  timeout: () => failure(() => client.chat.completions.create({ model: "gpt", messages, x_fake: { delay: 30 } }, { timeout: 400 })),
  abort: () =>
    failure(async () => {
      const controller = new AbortController();
      const script = { text: "a b c d", stall_after: 2 };
      const stream = await client.chat.completions.create({ model: "gpt", messages, stream: true, x_fake: script }, { signal: controller.signal });
      for await (const _ of stream) controller.abort();
    }),
};

const seen = {};
for (const [name, work] of Object.entries(cases)) {
  try {
    seen[name] = await work();
  } catch (error) {
    seen[name] = { failed: String(error) };
  }
}
console.log(JSON.stringify(seen));
