import { Buffer } from "node:buffer";

// Computed apart from this code, and equal to what botocore computes for the same content.

/** Z is zero bytes, O the digit 0, and in M byte i is i mod 251. */
export type Kind = "Z" | "O" | "M";

export function content(kind: Kind, sizeBytes: number): Buffer {
  if (kind === "Z") return Buffer.alloc(sizeBytes);
  if (kind === "O") return Buffer.alloc(sizeBytes, "0");
  return Buffer.alloc(
    sizeBytes,
    Uint8Array.from({ length: 251 }, (_, index) => index),
  );
}

export const treeVectors: readonly [kind: Kind, sizeBytes: number, treeHash: string][] = [
  ["Z", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
  ["Z", 1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"],
  ["Z", 1048575, "ca7ed0c4a8e67cbdc461c4cb0d286d2fabbd9f0c41a7f42b665f72ebaa8aec56"],
  ["Z", 1048576, "30e14955ebf1352266dc2ff8067e68104607e750abb9d3b36582b8af909fcb58"],
  ["Z", 1048577, "28638dab8d5e1754a4ecb38b0ebe6df66c844f94aed142d4d0283d208bb786cd"],
  ["Z", 3670016, "69fa92ad252e24a084b9a1ca9483ede8f493cbb8ffbca27afa03199ef8d2da89"],
  ["Z", 4194304, "27b557ba335a688f779a95e258a886ffa3b39b13533d6f9dcaa0497a2ed1fe18"],
  ["Z", 5242880, "3de9bfb690ff216d907474b4aa56a6f77a8c846a08b26885d4ab2282092a757e"],
  ["Z", 16986931, "0186fb02205cc9d6b8063bad626f3a14cd4eb470d1fc595b740232396fb9dd32"],
  ["O", 1048576, "bf79be0c21a100565100d16b31deee78ce5391f66c0774405d484ce38b6076e0"],
  ["O", 1048577, "7f3d1897dc679b856e6809c84c7b2573148507475390ecdbfd36603ce8cac60a"],
  ["O", 3670016, "c235aadaa79d7e14f43358e6eea50c45c1ee794a0a555896f3f770b82d49290a"],
  ["O", 5242880, "df4301e959f8867013a6f1d3d08c135d17fc4e9ae59b03f0d83583d343350cf0"],
  ["O", 5767168, "154e26c78fd74d0c2c9b3cc4644191619dc4f2cd539ae2a74d5fd07957a3ee6a"],
  ["O", 16986931, "f78e99d90f8651e689500880eca1de56d8da4a8b18f8d1f58912cd4e4962eadd"],
  ["M", 1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"],
  ["M", 1048575, "8b55c6a2d3444092a316985030e00c1e6f8608eaf912c896dee7c374d440ed11"],
  ["M", 1048576, "631b84027d6b9e52b539c4e8373622d23032dfadc64d60af87339c9037e4f769"],
  ["M", 1048577, "a9c574ce937d2371daf87cdd0e75396b096d7f74a66c764e4c656bd12b2e7bf9"],
  ["M", 2097152, "bf4dff263ae686b64403208c35a3767e38453d6477e841947588d13d04e1d816"],
  ["M", 2621440, "9b2474f7359f1464535323bfcd3254903843f74cd482d4b35b8e039bcc88c5bf"],
  ["M", 3145728, "2e7d51c0ffe06ce95fe74beed9a4ab35d18837f4ab2a9f4f066a60359eb999a1"],
  ["M", 3670016, "390f48176c50ae5a31f92724791e509d8f66d26ba3305714d153f6d01be83289"],
  ["M", 4194304, "c7d749cd55cefa8ed8fbc208202e18d019b7701f29886f7c5d662d77b3903833"],
  ["M", 5242880, "1eccd0ca741241ce114bde6d24a8de044ccee139ef6651bec9006d2f558751ef"],
  ["M", 5767168, "3493387cee361be12e24da9c024bf3e2a55f81df464f6ae822209f79a92248f5"],
  ["M", 6815744, "8bcaa7b4b8f991ca140f306627f2c4e84601364cde8e054b6e0924433ca7482f"],
  ["M", 7340032, "8bfce57c6a4076b3e930e725fbaa00beeffff0f0d9a6491a89a53baa73b4810d"],
  ["M", 8388608, "be9e1b21179533d14e87f6e4767f32b1c17e8ffb5ffcf82d42eceacf8abda110"],
  ["M", 16986931, "d5d467858dff8703de1161f83e085670b5291357bd58daaabaf7d61784e41801"],
];

/** Plain SHA-256 of some of them. */
export const linearVectors: readonly [kind: Kind, sizeBytes: number, sha256: string][] = [
  ["M", 1048577, "5769f52bc3eef28afa39c6fc68cadb7d0bd69812ae3a3d71452f519ec3c7aa56"],
  ["M", 5767168, "e06c1178d81a126be5aea1c067d9be2ed1a3ae33a59f1e1633c135d619ab4d53"],
  ["M", 6815744, "c05bf74d8dfb7c1a1c0e851433c0c8aba70641b14348d1f0fbc1ca560d0a2192"],
  ["M", 16986931, "2995034f149fb66cf5de6e46d69614b74a7044d44327b30c3e1a918c063f279d"],
];

/** Content M of 16,986,931 bytes in parts of 4 MiB. */
export const multipartVector = {
  ranges: [
    "bytes 0-4194303/*",
    "bytes 4194304-8388607/*",
    "bytes 8388608-12582911/*",
    "bytes 12582912-16777215/*",
    "bytes 16777216-16986930/*",
  ],
  partHashes: [
    "c7d749cd55cefa8ed8fbc208202e18d019b7701f29886f7c5d662d77b3903833",
    "df3bdbfd4c74d42142e62ac8f25814aa998d945542b4d697a506a63767822d6e",
    "576610564b765b03aae4a68658f0679862171a3b0910c76d93575000648e72df",
    "fec610854edf6db7d666a4f6c2f6466b80654ed9a65340e6f79e9209acd95665",
    "8bcae85514dc7e47a0e889b2e35c7d80133439cd264e2602c6b276039d64b825",
  ],
  archiveHash: "d5d467858dff8703de1161f83e085670b5291357bd58daaabaf7d61784e41801",
} as const;

/** All aligned ranges of content M of 6,815,744 bytes, in leaves and in bytes. */
export const alignedVectors: readonly [firstLeaf: number, endLeaf: number, range: string, treeHash: string][] = [
  [0, 1, "0-1048575", "631b84027d6b9e52b539c4e8373622d23032dfadc64d60af87339c9037e4f769"],
  [0, 2, "0-2097151", "bf4dff263ae686b64403208c35a3767e38453d6477e841947588d13d04e1d816"],
  [0, 4, "0-4194303", "c7d749cd55cefa8ed8fbc208202e18d019b7701f29886f7c5d662d77b3903833"],
  [0, 7, "0-6815743", "8bcaa7b4b8f991ca140f306627f2c4e84601364cde8e054b6e0924433ca7482f"],
  [1, 2, "1048576-2097151", "729b9155f00261a681000ccd0ff20e750ed3d525b5b1e6fc961837a3bb666fd6"],
  [2, 3, "2097152-3145727", "c85ef98b88946506e2c5488c04b97d86b5ec214add104d4849a3145f5e49fd65"],
  [2, 4, "2097152-4194303", "9e217b1ceb8db81071f9c6e4a2bf0401a83491d10751ce858a2628f5d699dbdb"],
  [3, 4, "3145728-4194303", "fb424e06b1bcfa4abe6862ffbb279614d06fd76af7f0a9015d05943c19ff3bc7"],
  [4, 5, "4194304-5242879", "913ce5b1447d28935c8acc3bc64add33b4c092c1eda4d6913e42f41f57b73b11"],
  [4, 6, "4194304-6291455", "3f1cd462b63cf286198c3f2ee91cf116dfed51d327686dca0fb06ba94a4ae759"],
  [4, 7, "4194304-6815743", "3e997f13ddc355e8a55035672d60ba90275ece6485044b3616a0966e2b895fc1"],
  [5, 6, "5242880-6291455", "0c6cb13dd57281eb061a856c0c6b121aed3ef04e8d94ea989e4fd5f3918a4f20"],
  [6, 7, "6291456-6815743", "c9fed994db0d8e2e5b7d603f40c18613d1f545288928a52ee9d2b2e2375f7160"],
];

/** And those that are not, in leaves. */
export const unalignedVectors: readonly [firstLeaf: number, endLeaf: number][] = [
  [0, 3],
  [0, 5],
  [0, 6],
  [1, 3],
  [1, 4],
  [1, 5],
  [1, 6],
  [1, 7],
  [2, 5],
  [2, 6],
  [2, 7],
  [3, 5],
  [3, 6],
  [3, 7],
  [5, 7],
];
