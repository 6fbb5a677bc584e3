import { playSeeds } from "./play-seeds.ts";
import { simulate } from "./simulate.ts";
import { openGround } from "./world.ts";

await playSeeds({
  command: "simulate",
  module: import.meta.url,
  stepsByDefault: 5_000,
  openGround,
  play: simulate,
});
