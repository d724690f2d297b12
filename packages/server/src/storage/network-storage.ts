import { statfs } from "node:fs/promises";

/**
 * File systems whose locks or syncs depend on another machine or program, by the magic number that Linux gives them
 * (linux/magic.h and the file systems' own sources). FUSE is among them: the program behind it decides what a sync means,
 * and sshfs, rclone and GlusterFS look the same as a local one.
 */
const networkFileSystems: ReadonlyMap<number, string> = new Map([
  [0x6969, "NFS"],
  [0x517b, "SMB"],
  [0xff534d42, "SMB (CIFS)"],
  [0xfe534d42, "SMB 2"],
  [0x01021997, "9p"],
  [0x65735546, "FUSE"],
  [0x5346414f, "AFS"],
  [0x6b414653, "AFS"],
  [0x73757245, "Coda"],
  [0x564c, "NCP"],
  [0x00c36400, "Ceph"],
  [0x0bd00bd0, "Lustre"],
  [0x47504653, "GPFS"],
  [0x19830326, "BeeGFS"],
  [0x01161970, "GFS2"],
  [0x7461636f, "OCFS2"],
  [0x786f4256, "VirtualBox shared folder"],
  [0xbacbacbc, "VMware shared folder"],
]);

/** The kernel's answer for a folder; a test gives its own. */
export type FileSystemType = (folder: string) => Promise<{ readonly type: number }>;

/** The name of the network file system that a folder lies on; null when it is not known to lie on one. */
export async function networkFileSystemOf(folder: string, typeOf: FileSystemType = statfs): Promise<string | null> {
  const { type } = await typeOf(folder);
  // Some platforms sign-extend the 32 bits.
  return networkFileSystems.get(type >>> 0) ?? null;
}
