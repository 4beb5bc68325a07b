/** Tokens whose signature proves nothing: absent, of another key or algorithm, or no signature at all. */
import { type KeyObject, sign as signBytes } from "node:crypto";
import { type Attack, good, partsOf, TYP } from "./attack.ts";
import { SIGNERS, type TrustedSigner } from "./stand.ts";
import { base64url, claimsAt, ecdsa, hmac, pss, rsa, signed, token } from "./tokens.ts";

/** `alg` says that there is no signature, in every spelling. */
export function unsigned(signer: TrustedSigner, now: number): Attack[] {
  const [, payload, signature] = partsOf(good(signer, now));
  return [
    "none",
    "None",
    "NONE",
    "nOnE",
    "none ",
    " none",
    "",
    null,
    0,
    false,
    ["none"],
    {},
    undefined,
  ].flatMap((alg) => {
    const header = base64url(JSON.stringify({ alg, typ: TYP }));
    const name = `alg ${JSON.stringify(alg)}`;
    return [
      { name: `${name} with the signature`, token: `${header}.${payload}.${signature}` },
      { name: `${name} with another signature`, token: `${header}.${payload}.AA` },
      { name: `${name} without a signature`, token: `${header}.${payload}.` },
    ];
  });
}

const NAMES = [
  ...SIGNERS.map(({ alg }) => alg),
  ...[
    "HS1",
    "RS1",
    "RSA1_5",
    "ES256K",
    "Ed448",
    "ML-DSA-44",
    "A128KW",
    "A256GCMKW",
    "dir",
    "RSA-OAEP",
    "ECDH-ES",
  ],
  ...[
    "PBES2-HS256+A128KW",
    "A128GCM",
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
    "__proto__",
    "constructor",
  ],
];

/** Another algorithm than the issuer's, named alone or used as well. */
export function foreignAlgorithms(signer: TrustedSigner, now: number): Attack[] {
  const [, payload, signature] = partsOf(good(signer, now));
  const spelled = [
    signer.alg.toLowerCase(),
    `${signer.alg} `,
    `${signer.alg}\0`,
    signer.alg.replace("S", "s"),
  ];
  return [...NAMES, ...spelled]
    .filter((alg) => alg !== signer.alg)
    .flatMap((alg) => {
      const header = base64url(JSON.stringify({ alg, typ: TYP }));
      const other = SIGNERS.find((one) => one.alg === alg);
      const named = { name: `alg ${JSON.stringify(alg)}`, token: `${header}.${payload}.${signature}` };
      if (other === undefined) return [named];
      const used = token({ alg, typ: TYP }, claimsAt(now, { iss: signer.issuer }), other.sign);
      return [named, { name: `signed with ${alg}`, token: used }];
    });
}

/** One bit in each of several bytes, more bytes, fewer, none, and only zeros. */
export function brokenSignatures(signer: TrustedSigner, now: number): Attack[] {
  const [header, payload, signature] = partsOf(good(signer, now));
  const bytes = Buffer.from(signature, "base64url");
  const variants: [string, Buffer][] = [
    ["one byte less", bytes.subarray(0, -1)],
    ["half", bytes.subarray(0, bytes.length / 2)],
    ["one byte", bytes.subarray(0, 1)],
    ["a zero behind", Buffer.concat([bytes, Buffer.alloc(1)])],
    ["a zero before", Buffer.concat([Buffer.alloc(1), bytes])],
    ["twice", Buffer.concat([bytes, bytes])],
    ["zeros", Buffer.alloc(bytes.length)],
    ["ones", Buffer.alloc(bytes.length, 0xff)],
    ["4 KiB", Buffer.alloc(4096, 1)],
  ];
  for (const at of [0, 1, bytes.length >> 1, bytes.length - 1]) {
    const flipped = Buffer.from(bytes);
    flipped[at] = (flipped[at] ?? 0) ^ 0x01;
    variants.push([`bit flipped in byte ${at}`, flipped]);
  }
  const other = good(signer, now, { sub: "somebody-else" });
  return [
    ...variants.map(([name, value]) => ({
      name: `signature: ${name}`,
      token: `${header}.${payload}.${base64url(value)}`,
    })),
    { name: "no signature", token: `${header}.${payload}.` },
    { name: "the signature of another token", token: `${header}.${payload}.${partsOf(other)[2]}` },
    { name: "the payload of another token", token: `${header}.${partsOf(other)[1]}.${signature}` },
  ];
}

/** A public key for a secret (RFC 8725 §2.1), in every text that somebody may have kept it in. */
export function confusedKeys(now: number): Attack[] {
  return SIGNERS.flatMap((signer) => {
    if (signer.publicKey === null) return [];
    return publicTexts(signer.publicKey as KeyObject).flatMap(([name, secret]) =>
      ["HS256", "HS384", "HS512", signer.alg].map((alg) => ({
        name: `${signer.alg}: HMAC under ${alg} with the public key as ${name}`,
        token: signed(
          JSON.stringify({ alg, typ: TYP }),
          JSON.stringify(claimsAt(now, { iss: signer.issuer })),
          hmac(secret, /^HS/.test(alg) ? `sha${alg.slice(2)}` : "sha256"),
        ),
      })),
    );
  });
}

function publicTexts(key: KeyObject): [string, string | Buffer][] {
  const pem = key.export({ type: "spki", format: "pem" }).toString();
  const jwk = key.export({ format: "jwk" });
  return [
    ["PEM", pem],
    ["PEM without its line feed", pem.trimEnd()],
    ["PEM with CRLF", pem.replaceAll("\n", "\r\n")],
    ["PEM with a space before", ` ${pem}`],
    ["PEM with a byte order mark", `\ufeff${pem}`],
    ["PEM on one line", pem.replaceAll("\n", "")],
    ["DER", key.export({ type: "spki", format: "der" })],
    ["JWK", JSON.stringify(jwk)],
    ["a member of the JWK", Buffer.from(jwk.n ?? jwk.x ?? "", "base64url")],
  ];
}

const ORDERS: Readonly<Record<string, bigint>> = {
  ES256: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
  ES384: 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
  ES512:
    0x01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409n,
};

/** Numbers that no signature has (CVE-2022-21449), and signatures in another form. */
export function brokenEcdsa(now: number): Attack[] {
  return SIGNERS.filter(({ alg }) => alg.startsWith("ES")).flatMap((signer) => {
    const [header, payload, signature] = partsOf(good(signer, now));
    const bytes = Buffer.from(signature, "base64url");
    const half = bytes.length / 2;
    const n = ORDERS[signer.alg] ?? 0n;
    const number = (value: bigint) => Buffer.from(value.toString(16).padStart(half * 2, "0"), "hex");
    const [r, s] = [bytes.subarray(0, half), bytes.subarray(half)];
    const pairs: [string, Buffer, Buffer][] = [];
    for (const [a, x] of [
      ["0", 0n],
      ["1", 1n],
      ["n", n],
      ["n-1", n - 1n],
      ["n+1", n + 1n],
    ] as const)
      for (const [b, y] of [
        ["0", 0n],
        ["1", 1n],
        ["n", n],
        ["n-1", n - 1n],
      ] as const)
        pairs.push([`r=${a} s=${b}`, number(x), number(y)]);
    pairs.push(["s=0", r, number(0n)], ["r=0", number(0n), s], ["r and s swapped", s, r], ["r twice", r, r]);
    const key = signer.privateKey as KeyObject;
    const der = signBytes(`sha${signer.alg.slice(2)}`, Buffer.from(`${header}.${payload}`), key);
    const hashes = ["sha1", "sha224", "sha256", "sha384", "sha512"].filter(
      (hash) => hash !== `sha${signer.alg.slice(2)}`,
    );
    return [
      ...pairs.map(([name, a, b]) => ({ name, bytes: Buffer.concat([a, b]) })),
      { name: "as DER", bytes: der },
      { name: "with longer numbers", bytes: Buffer.concat([Buffer.alloc(1), r, Buffer.alloc(1), s]) },
      ...hashes.map((hash) => ({ name: `over ${hash}`, bytes: ecdsa(key, hash)(`${header}.${payload}`) })),
    ].map(({ name, bytes: value }) => ({
      name: `${signer.alg}: ${name}`,
      token: `${header}.${payload}.${base64url(value)}`,
    }));
  });
}

/** The other padding, another hash, and salts of another length (RFC 7518 §3.5). */
export function brokenRsa(now: number): Attack[] {
  return SIGNERS.filter(({ alg }) => /^[RP]S/.test(alg)).flatMap((signer) => {
    const key = signer.privateKey as KeyObject;
    const own = `sha${signer.alg.slice(2)}`;
    const input = partsOf(good(signer, now)).slice(0, 2).join(".");
    const right = signer.alg.startsWith("PS") ? pss : rsa;
    const other = signer.alg.startsWith("PS") ? rsa : pss;
    const variants: [string, Buffer][] = [
      ["the other padding", other(key, own)(input)],
      ...["sha1", "sha224", "sha256", "sha384", "sha512"]
        .filter((hash) => hash !== own)
        .map((hash): [string, Buffer] => [`over ${hash}`, right(key, hash)(input)]),
    ];
    if (signer.alg.startsWith("PS")) {
      const length = Number(signer.alg.slice(2)) / 8;
      for (const salt of [0, 8, 20, length - 1, length + 1])
        variants.push([`a salt of ${salt} bytes`, pss(key, own, salt)(input)]);
    }
    return variants.map(([name, value]) => ({
      name: `${signer.alg}: ${name}`,
      token: `${input}.${base64url(value)}`,
    }));
  });
}
