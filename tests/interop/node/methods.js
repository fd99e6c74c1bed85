// Runs every Multiparty Call method of Plivo's Node SDK against an engine.
//
//   node methods.js http://127.0.0.1:8080 AUTH_ID AUTH_TOKEN http://127.0.0.1:8081
//
// The last is a web server with sounds, where callbacks may go.
//
// The SDK's code is as npm brings it. It has its host written in, so requests are sent
// elsewhere by the adapter of the HTTP library below it. Prints a JSON object a line:
// the method, and what it gave or threw.

const [engine, authId, authToken, web] = process.argv.slice(2);

const axios = require("axios");
const http = axios.getAdapter("http");
axios.defaults.adapter = (config) =>
  http({ ...config, url: config.url.replace("https://api.plivo.com", engine) });

const plivo = require("plivo");
const client = new plivo.Client(authId, authToken);
const mpc = client.multiPartyCalls;
// The SDK takes things out of what it is given, so it is given a new one each time. And
// it takes only URLs that seem to have a name and an ending.
const room = (more) => ({ friendlyName: "node room", ...more });
const call = { from: "+15550101", to: "+15550102" };

function plain(value) {
  if (Array.isArray(value)) {
    return { meta: value.meta, objects: value.map(plain) };
  }
  return JSON.parse(JSON.stringify(value ?? null, (key, each) =>
    key === "client" || typeof each === "function" ? undefined : each));
}

async function run(name, method) {
  let line;
  try {
    line = { method: name, gave: plain(await method()) };
  } catch (error) {
    line = { method: name, threw: String(error.message ?? error) };
  }
  console.log(JSON.stringify(line));
  return line.gave;
}

const joined = () => new Promise((done) => setTimeout(done, 300));

async function main() {
  await run("addParticipant", () => mpc.addParticipant("Agent", room({
    ...call, startMpcOnEnter: false, statusCallbackUrl: `${web}/callback.html`,
    relayDTMFInputs: true, stayAlone: true })));
  await run("addParticipant supervisor", () => mpc.addParticipant("supervisor",
    room({ ...call, startMpcOnEnter: false, coachMode: true })));
  await joined();
  await run("start", () => mpc.start(room({ status: "Active" })));
  await run("start again", () => mpc.start(room({ status: "Active" })));
  const got = await run("get", () => mpc.get(room()));
  await run("get by uuid", () => mpc.get({ uuid: got.mpcUuid }));
  await run("list", () => mpc.list({ status: "Active", limit: 5 }));
  const members = await run("listParticipants", () => mpc.listParticipants(room()));
  const agent = members.objects.find((each) => each.role === "agent").memberId;
  const coach = members.objects.find((each) => each.role === "supervisor").memberId;
  await run("getParticipant", () => mpc.getParticipant(agent, room()));
  await run("updateParticipant", () => mpc.updateParticipant(agent,
    room({ mute: true, hold: false, disableStateChangeSound: true })));
  await run("updateParticipant coach", () => mpc.updateParticipant(coach,
    room({ coachMode: false })));
  await run("startRecording", () => mpc.startRecording(room({ fileFormat: "wav" })));
  await run("pauseRecording", () => mpc.pauseRecording(room()));
  await run("resumeRecording", () => mpc.resumeRecording(room()));
  await run("stopRecording", () => mpc.stopRecording(room()));
  await run("startParticipantRecording", () => mpc.startParticipantRecording(agent,
    room({ recordTrackType: "both" })));
  await run("pauseParticipantRecording", () =>
    mpc.pauseParticipantRecording(agent, room({ recordTrackType: "both" })));
  await run("resumeParticipantRecording", () =>
    mpc.resumeParticipantRecording(agent, room({ recordTrackType: "both" })));
  await run("stopParticipantRecording", () =>
    mpc.stopParticipantRecording(agent, room({ recordTrackType: "both" })));
  await run("startPlayAudio", () => mpc.startPlayAudio(agent,
    `${web}/sound.html`, room()));
  await run("stopPlayAudio", () => mpc.stopPlayAudio(agent, room()));
  await run("kickParticipant", () => mpc.kickParticipant(coach, room()));
  await run("getParticipant unknown", () => mpc.getParticipant("99", room()));
  await run("stop", () => mpc.stop(room()));
  await run("stop again", () => mpc.stop(room()));
}

main();
