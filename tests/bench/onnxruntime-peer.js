// onnxruntime as one of the programs that bench.py compares; the lines they exchange are told
// there.
//
// usage: node onnxruntime-peer.js MODULES MODEL.onnx INPUT.f32 CHANNELS HEIGHT WIDTH THREADS
//
// MODULES is the node_modules folder that onnxruntime-node was installed into.

const fs = require('fs');
const path = require('path');
const readline = require('readline');

const [modules, model, input, ...sizes] = process.argv.slice(2);
const [channels, height, width, threads] = sizes.map(Number);
const folder = path.join(path.resolve(modules), 'onnxruntime-node');
const ort = require(folder);

const options = {
  executionProviders: ['cpu'],
  executionMode: 'sequential',
  graphOptimizationLevel: 'all',
  intraOpNumThreads: threads,
  interOpNumThreads: 1,
};

async function main() {
  const bytes = fs.readFileSync(input);
  const pixels = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  const x = new ort.Tensor('float32', pixels, [1, channels, height, width]);
  const session = await ort.InferenceSession.create(model, options);
  const { version } = require(path.join(folder, 'package.json'));
  let y;

  console.log(`ready onnxruntime ${version}`);
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const [command, file] = line.trim().split(' ');
    if (command === 'run') {
      const start = process.hrtime.bigint();
      ({ y } = await session.run({ x }));
      console.log((Number(process.hrtime.bigint() - start) / 1e9).toFixed(6));
    } else if (command === 'write') {
      fs.writeFileSync(file, Buffer.from(y.data.buffer, y.data.byteOffset, y.data.byteLength));
      console.log('written');
    }
  }
}

main();
