// The Vercel `ai` package with its OpenAI-compatible provider.
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, jsonSchema, Output, stepCountIs, streamText, tool } from "ai";

const provider = createOpenAICompatible({ name: "fairlead", baseURL: process.env.BASE_URL, apiKey: process.env.API_KEY, includeUsage: true, supportsStructuredOutputs: true });
const asking = (script) => `hi x_fake=${JSON.stringify(script)}`;
const schema = jsonSchema({ type: "object", properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false });
const weather = { get_weather: tool({ description: "d", inputSchema: schema, execute: async ({ city }) => `rain in ${city}` }) };
const quiet = { maxRetries: 0 };

async function on(model) {
  const chat = provider(model);
  const call = { tool_calls: [{ name: "get_weather", arguments: { city: "Oslo" } }] };
  const whole = await generateText({ model: chat, prompt: "hi", ...quiet });
  const stream = streamText({ model: chat, system: "be kind", prompt: "hi", ...quiet });
  let streamed = "";
  for await (const piece of stream.textStream) streamed += piece;
  const tools = await generateText({ model: chat, prompt: asking(call), tools: weather, stopWhen: stepCountIs(1), ...quiet });
  const object = await generateText({ model: chat, prompt: "hi", output: Output.object({ schema }), ...quiet });
  const thinking = await generateText({ model: chat, prompt: asking({ reasoning: "let me see" }), ...quiet });
  return {
    whole: whole.text, finish: whole.finishReason, tokens: whole.usage.outputTokens,
    streamed, streamedTokens: (await stream.usage).outputTokens,
    tools: tools.toolResults.map((result) => result.output), object: object.output, reasoning: thinking.reasoningText,
  };
}

const seen = { gpt: await on("gpt"), claude: await on("claude") };
seen.completion = (await generateText({ model: provider.completionModel("chats"), prompt: "hi", ...quiet })).text;
try {
  await generateText({ model: provider("gtp"), prompt: "hi", ...quiet });
} catch (error) {
  seen.unknown = [error.statusCode, error.message];
}
console.log(JSON.stringify(seen));
