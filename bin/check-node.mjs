/**
 * Stops `npm start` and `npm test` with one clear line on a Node too old for the rest, which runs TypeScript directly.
 * Plain JavaScript of Node 12, since an old Node must be able to read it.
 */
const majorNeeded = 24;
const major = Number(process.versions.node.split(".")[0]);

if (major < majorNeeded) {
  const remedy =
    process.platform === "linux" && process.arch === "x64"
      ? "run `npm ci` without --omit=optional, which brings Node 24 for the npm scripts, and use those"
      : `install Node >= ${majorNeeded}`;
  console.error(
    `rollcall: this is Node ${process.versions.node}, Rollcall needs Node >= ${majorNeeded}; ${remedy}`,
  );
  process.exit(1);
}
