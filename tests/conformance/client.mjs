// A client of the TypeScript SDK: lists, searches, rents, answers the question, tells what it saw.
// node client.mjs FOLDER 1|2 URL          over HTTP, first or second generation of the SDK
// node client.mjs FOLDER 1|2 -- COMMAND…  over stdio
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [folder, generation, target, ...command] = process.argv.slice(2);
const modern = generation === "2";
const found = createRequire(`${folder}/here.js`);
const load = (name) => import(pathToFileURL(found.resolve(name)).href);
const first = "@modelcontextprotocol/sdk";
const second = "@modelcontextprotocol/client";

const { Client } = await load(modern ? second : `${first}/client/index.js`);
const { StreamableHTTPClientTransport } = await load(
  modern ? second : `${first}/client/streamableHttp.js`,
);
const { StdioClientTransport } = await load(modern ? `${second}/stdio` : `${first}/client/stdio.js`);

const client = new Client(
  { name: "typescript", version: "1" },
  {
    capabilities: { elicitation: { form: {} } },
    ...(modern ? { versionNegotiation: { mode: "auto" } } : {}),
  },
);
const asked = [];
const answer = async (request) => {
  asked.push(request.params.message);
  await new Promise((done) => setTimeout(done, 1100)); // a faster answer would count as nobody's
  return { action: "accept", content: { confirm: true } };
};
if (modern) client.setRequestHandler("elicitation/create", answer);
else client.setRequestHandler((await load(`${first}/types.js`)).ElicitRequestSchema, answer);

await client.connect(
  target === "--"
    ? new StdioClientTransport({
        command: command[0],
        args: command.slice(1),
        env: process.env,
        stderr: "ignore",
      })
    : new StreamableHTTPClientTransport(new URL(target)),
);
const { tools } = await client.listTools();
const { structuredContent: offers } = await client.callTool({
  name: "search_offers",
  arguments: { gpu_names: ["RTX 4090"], hours: 30 },
});
const { structuredContent: rented } = await client.callTool({
  name: "create_instance",
  arguments: { offer_id: offers.offers[0].offer_id, lease_hours: 30 },
});
await client.close();
console.log(JSON.stringify({ tools: tools.length, asked, status: rented.status }));
