// An acquirer's client with iso_8583: sends a message for each line of JSON, waits for its answer, and prints that as JSON.
// Usage: node iso8583.js HOST:PORT < messages
const net = require("node:net");
const readline = require("node:readline");
const Message = require("iso_8583");

// Its own are bytes; variant A has hexadecimal digits.
const BITMAP = { 1: { ContentType: "an", Label: "Bitmap", LenType: "fixed", MaxLen: 32 } };

function encoded(fields) {
    const wire = new Message(fields, BITMAP).getBufferMessage();
    if (wire.error) throw new Error(`${JSON.stringify(fields)}: ${wire.error}`);
    return wire;
}

/** A host's answer may have one bitmap only, which the package takes as bytes. */
function decoded(wire) {
    const digits = Number.parseInt(wire.toString("latin1", 4, 5), 16) >= 8 ? 32 : 16;
    const bitmap = Buffer.from(wire.toString("latin1", 4, 4 + digits), "hex");
    const packed = Buffer.concat([wire.subarray(0, 4), bitmap, wire.subarray(4 + digits)]);
    const fields = new Message().getIsoJSON(packed, { lenHeader: false });
    if (fields.error) throw new Error(fields.error);
    return fields;
}

async function* frames(socket) {
    let held = Buffer.alloc(0);
    for await (const piece of socket) {
        held = Buffer.concat([held, piece]);
        while (held.length >= 2 && held.length >= 2 + held.readUInt16BE(0)) {
            const end = 2 + held.readUInt16BE(0);
            yield held.subarray(2, end);
            held = held.subarray(end);
        }
    }
}

async function main(address) {
    const at = address.lastIndexOf(":");
    const socket = net.connect(Number(address.slice(at + 1)), address.slice(0, at));
    const answers = frames(socket);
    for await (const line of readline.createInterface({ input: process.stdin })) {
        socket.write(encoded(JSON.parse(line)));
        const { value, done } = await answers.next();
        if (done) throw new Error("the host has closed the connection");
        console.log(JSON.stringify(decoded(value)));
    }
    socket.destroy();
}

main(process.argv[2]).catch((error) => {
    console.error(error.message);
    process.exit(1);
});
