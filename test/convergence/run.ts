import { playSeeds } from "../simulation/play-seeds.ts";
import { converge } from "./converge.ts";
import { openGround } from "./world.ts";

await playSeeds({
  command: "converge",
  module: import.meta.url,
  stepsByDefault: 2_000,
  openGround,
  play: converge,
});
