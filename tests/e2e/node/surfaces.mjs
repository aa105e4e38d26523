// The official Node client beside the chat: responses, completions, files.
import { File } from "node:buffer";
import OpenAI, { toFile } from "openai";

globalThis.File ??= File; // Debian 12 has Node 18, which keeps it in node:buffer

const client = new OpenAI({ baseURL: process.env.BASE_URL, apiKey: process.env.API_KEY, maxRetries: 0, timeout: 20_000 });
const asking = (script) => `hi x_fake=${JSON.stringify(script)}`;
const tools = [{ type: "function", name: "get_weather", strict: true, parameters: { type: "object", properties: {}, additionalProperties: false } }];

const cases = {
  response: async () => (await client.responses.create({ model: "gpt", input: "hi" })).output_text,
  conversation: async () => {
    const first = await client.responses.create({ model: "claude", input: "one" });
    const second = await client.responses.create({ model: "claude", input: "two", previous_response_id: first.id });
    const kept = await client.responses.retrieve(second.id);
    const items = [];
    for await (const item of client.responses.inputItems.list(second.id)) items.push(item.content[0].text);
    await client.responses.delete(first.id);
    return [second.output_text, kept.previous_response_id === first.id, items];
  },
  responseStream: async () => {
    const stream = client.responses.stream({ model: "gpt", input: asking({ reasoning: "let me see", text: "well then" }) });
    const types = new Set();
    for await (const event of stream) types.add(event.type);
    const response = await stream.finalResponse();
    return [response.output.at(-1).content[0].text, response.output.map((item) => item.type), types.has("response.output_text.delta")];
  },
  responseTools: async () => {
    const call = { name: "get_weather", arguments: { city: "Oslo" } };
    const response = await client.responses.create({ model: "gpt", input: asking({ tool_calls: [call] }), tools });
    return response.output.map((item) => [item.name, JSON.parse(item.arguments)]);
  },
  completion: async () => (await client.completions.create({ model: "chats", prompt: "hi" })).choices[0].text,
  completionStream: async () => {
    let text = "";
    for await (const chunk of await client.completions.create({ model: "chats", prompt: "hi", stream: true })) text += chunk.choices[0]?.text ?? "";
    return text;
  },
  file: async () => {
    const file = await client.files.create({ file: await toFile(Buffer.from("hello"), "a.txt"), purpose: "user_data" });
    const text = await (await client.files.content(file.id)).text();
    return [file.bytes, text, (await client.files.delete(file.id)).deleted];
  },
  refusal: async () => {
    try {
      await client.responses.create({ model: "gpt", input: "hi", truncation: "auto" });
    } catch (error) {
      return [error.status, error.param];
    }
  },
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
