// Puts the frames on standard input together, and writes the payload.
const { URDecoder } = require("@ngraveio/bc-ur");
const decoder = new URDecoder();
for (const line of require("fs").readFileSync(0, "utf8").split("\n")) {
  if (!decoder.isComplete()) decoder.receivePart(line.trim().toLowerCase());
}
if (!decoder.isSuccess()) throw new Error(`not complete: ${decoder.estimatedPercentComplete()}`);
const ur = decoder.resultUR();
if (ur.type !== "causeway-offline") throw new Error(`of type ${ur.type}`);
process.stdout.write(ur.decodeCBOR());
